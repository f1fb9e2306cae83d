//! What reading a catalog keeps in hand: which OID is which object, and what has been read so far.

use crate::columns::Columns;
use crate::objects::{Comment, Grant, Owner, acl};
use crate::{PgCatalog, PgId, PgKind, PgObject, Server};
use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};
use underpin_model::Diagnostic;

/// OIDs of the system catalogs, the same in every version (`src/include/catalog`).
#[allow(missing_docs)]
pub mod class {
    pub const TYPE: u32 = 1247;
    pub const PROC: u32 = 1255;
    pub const CLASS: u32 = 1259;
    pub const FOREIGN_SERVER: u32 = 1417;
    pub const USER_MAPPING: u32 = 1418;
    pub const FOREIGN_DATA_WRAPPER: u32 = 2328;
    pub const ACCESS_METHOD: u32 = 2601;
    pub const AMOP: u32 = 2602;
    pub const AMPROC: u32 = 2603;
    pub const ATTRDEF: u32 = 2604;
    pub const CAST: u32 = 2605;
    pub const CONSTRAINT: u32 = 2606;
    pub const CONVERSION: u32 = 2607;
    pub const LANGUAGE: u32 = 2612;
    pub const NAMESPACE: u32 = 2615;
    pub const OPCLASS: u32 = 2616;
    pub const OPERATOR: u32 = 2617;
    pub const REWRITE: u32 = 2618;
    pub const TRIGGER: u32 = 2620;
    pub const OPFAMILY: u32 = 2753;
    pub const EXTENSION: u32 = 3079;
    pub const POLICY: u32 = 3256;
    pub const STATISTIC_EXT: u32 = 3381;
    pub const COLLATION: u32 = 3456;
    pub const EVENT_TRIGGER: u32 = 3466;
    pub const TRANSFORM: u32 = 3576;
    pub const TS_DICT: u32 = 3600;
    pub const TS_PARSER: u32 = 3601;
    pub const TS_CONFIG: u32 = 3602;
    pub const TS_TEMPLATE: u32 = 3764;
    pub const SUBSCRIPTION: u32 = 6100;
    pub const PUBLICATION: u32 = 6104;
    pub const PUBLICATION_REL: u32 = 6106;
    pub const PUBLICATION_NAMESPACE: u32 = 6237;
    pub const DEFAULT_ACL: u32 = 826;
}

/// The first OID that a user's object can have (`FirstNormalObjectId`, `src/include/access/transam.h`).
pub const FIRST_USER_OID: u32 = 16_384;

/// An address in the system catalogs: catalog, row, and for a column its number.
pub type Oid3 = (u32, u32, i32);

/// The state of reading one catalog.
pub struct Reader<'a> {
    /// The server that is read.
    pub server: &'a Server,
    /// What has been read.
    pub catalog: PgCatalog,
    /// Role names by OID.
    pub roles: HashMap<u32, String>,
    /// Role names that are shown under another name: on a scratch server, the role that loads the desired SQL.
    pub role_alias: std::collections::HashMap<String, String>,
    /// Schema names by OID, of all schemas.
    pub schemas: HashMap<u32, String>,
    /// Type names as `format_type` prints them, by OID and modifier.
    pub types: HashMap<(u32, i32), String>,
    /// Columns by number, from which definitions of indexes and keys are put together.
    pub columns: Columns,
    /// Rows that belong to an extension: not ours.
    members: HashMap<(u32, u32), PgId>,
    /// For dependencies: which object a row is a part of.
    by_oid: HashMap<Oid3, PgId>,
    /// For comments and grants, where they are told apart more finely than dependencies (a view's columns): the address,
    /// and the object whose part they are.
    fine: HashMap<Oid3, (PgId, PgId)>,
    /// Rows that go with extensions without belonging to them (`DEPENDS ON EXTENSION`), and the names of these.
    pub with_extensions: HashMap<(u32, u32), Vec<String>>,
    /// Rows that some object stands for.
    hidden: HashSet<(u32, u32)>,
    /// Rows of which an object is told to be a part only: what hangs on them does not hang on the object.
    parts: HashSet<(u32, u32)>,
    /// What hangs on a row that no object stands for: the row, and what it is.
    pub unclaimed: Vec<((u32, u32), &'static str)>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(server: &'a Server) -> Self {
        Self {
            server,
            catalog: PgCatalog::default(),
            roles: HashMap::default(),
            role_alias: std::collections::HashMap::new(),
            schemas: HashMap::default(),
            types: HashMap::default(),
            columns: Columns::default(),
            members: HashMap::default(),
            by_oid: HashMap::default(),
            fine: HashMap::default(),
            with_extensions: HashMap::default(),
            hidden: HashSet::default(),
            parts: HashSet::default(),
            unclaimed: Vec::new(),
        }
    }

    /// Whether the row is ours to read: it is a user's, no part of an extension, and in a schema that is in scope.
    #[must_use]
    pub fn is_ours(&self, class: u32, oid: u32) -> bool {
        oid >= FIRST_USER_OID && !self.members.contains_key(&(class, oid)) && !self.hidden.contains(&(class, oid))
    }

    /// The name of the schema, where objects in it are in scope.
    #[must_use]
    pub fn schema(&self, oid: u32) -> Option<&str> {
        let name = self.schemas.get(&oid)?;
        let system = name.starts_with("pg_") || name == "information_schema" || name == "underpin";
        (!system).then_some(name.as_str())
    }

    /// The name of a role, under its alias where it has one.
    #[must_use]
    pub fn role(&self, oid: u32) -> String {
        let name = self.roles.get(&oid).cloned().unwrap_or_else(|| oid.to_string());
        self.role_alias.get(&name).cloned().unwrap_or(name)
    }

    /// A type's name as SQL writes it.
    #[must_use]
    pub fn type_name(&self, oid: u32, modifier: i32) -> String {
        self.types.get(&(oid, modifier)).cloned().unwrap_or_else(|| oid.to_string())
    }

    /// Says that the row belongs to an extension.
    pub fn extension_member(&mut self, class: u32, oid: u32, extension: PgId) {
        self.by_oid.insert((class, oid, 0), extension.clone());
        self.members.insert((class, oid), extension);
    }

    /// The names of the extensions that take the object of a row with them when they are dropped. It rests on these.
    pub fn goes_with(&mut self, class: u32, oid: u32, id: &PgId) -> Vec<String> {
        let names = self.with_extensions.remove(&(class, oid)).unwrap_or_default();
        for name in &names {
            self.depends(id, &PgId::new(PgKind::Extension, [name]));
        }
        names
    }

    /// Whether the row belongs to an extension.
    #[must_use]
    pub fn is_member(&self, class: u32, oid: u32) -> bool {
        self.members.contains_key(&(class, oid))
    }

    /// Leaves a row out: it is not a user's to manage.
    pub fn hide(&mut self, class: u32, oid: u32) {
        self.hidden.insert((class, oid));
    }

    /// Adds an object that stands for a row.
    pub fn add(&mut self, class: u32, oid: u32, id: PgId, object: PgObject) {
        self.by_oid.insert((class, oid, 0), id.clone());
        self.catalog.objects.insert(id, object);
    }

    /// Adds an object that stands for a row and rests on the schema that its address begins with.
    pub fn add_in_schema(&mut self, class: u32, oid: u32, id: &PgId, object: PgObject) {
        self.add(class, oid, id.clone(), object);
        self.catalog.add_dependency(id.clone(), id.prefix(PgKind::Schema, 1));
    }

    /// Adds an object that stands for no single row.
    pub fn add_part(&mut self, id: PgId, object: PgObject) {
        self.catalog.objects.insert(id, object);
    }

    /// Says that a row is a part of an object: what depends on the row depends on the object.
    pub fn alias(&mut self, class: u32, oid: u32, sub: i32, id: &PgId) {
        if sub == 0 {
            self.parts.insert((class, oid));
        }
        self.by_oid.insert((class, oid, sub), id.clone());
    }

    /// Says under which address comments on and grants of a row are known, and whose part they are.
    pub fn alias_fine(&mut self, class: u32, oid: u32, sub: i32, id: PgId, parent: PgId) {
        self.fine.insert((class, oid, sub), (id, parent));
    }

    /// The object that a row is or is a part of. A column that is not known by itself is its relation.
    #[must_use]
    pub fn find(&self, class: u32, oid: u32, sub: i32) -> Option<&PgId> {
        self.by_oid.get(&(class, oid, sub)).or_else(|| if sub == 0 { None } else { self.by_oid.get(&(class, oid, 0)) })
    }

    /// The object that the row is known as for comments and grants, and the object whose part these are.
    #[must_use]
    pub fn find_fine(&self, class: u32, oid: u32, sub: i32) -> Option<(PgId, PgId)> {
        if let Some((id, parent)) = self.fine.get(&(class, oid, sub)) {
            return Some((id.clone(), parent.clone()));
        }
        if self.members.contains_key(&(class, oid)) || (sub == 0 && self.parts.contains(&(class, oid))) {
            return None;
        }
        self.by_oid.get(&(class, oid, sub)).map(|id| (id.clone(), id.clone()))
    }

    /// Adds the owner of an object.
    pub fn owner(&mut self, id: &PgId, owner: u32) {
        let implicit = self.roles.get(&owner).is_some_and(|name| self.role_alias.contains_key(name));
        let role = self.role(owner);
        self.add_part(id.attached(PgKind::Owner, &[]), PgObject::Owner(Owner { role, implicit }));
    }

    /// Adds the grants of an object from its ACL in text form (NULL is the default).
    pub fn grants(&mut self, id: &PgId, parent: &PgId, acl_text: Option<&str>, defaults: acl::Defaults, owner: u32) {
        let Some(text) = acl_text else { return };
        let owner = self.role(owner);
        for (grantee, privileges) in acl::differing(text, defaults, &owner, self.server, |r| self.alias_of(r)) {
            let grant = Grant { privileges, parent: parent.clone(), owner: owner.clone() };
            self.add_part(id.attached(PgKind::Grant, &[&grantee]), PgObject::Grant(grant));
        }
    }

    /// Adds the owner and the grants of the schema `public` where they are not what `initdb` gives it.
    pub fn public_schema(&mut self, id: &PgId, acl_text: Option<&str>, defaults: acl::Defaults, owner: u32) {
        // From 15 on the schema is owned by pg_database_owner, before by the bootstrap superuser, which has OID 10.
        let standard = if self.server.major() >= 15 {
            self.roles.get(&owner).is_some_and(|r| r == "pg_database_owner")
        } else {
            owner == 10
        };
        if !standard {
            self.owner(id, owner);
        }
        self.grants(id, id, acl_text, defaults, owner);
    }

    pub(crate) fn alias_of(&self, role: &str) -> String {
        self.role_alias.get(role).cloned().unwrap_or_else(|| role.to_owned())
    }

    /// Adds the comment on an object.
    pub fn comment(&mut self, id: &PgId, parent: &PgId, text: &str) {
        let comment = Comment { text: text.to_owned(), parent: parent.clone() };
        self.add_part(id.attached(PgKind::Comment, &[]), PgObject::Comment(comment));
    }

    /// Says that one object rests on another.
    pub fn depends(&mut self, dependent: &PgId, needed: &PgId) {
        self.catalog.add_dependency(dependent.clone(), needed.clone());
    }

    /// Adds something that a person should know.
    pub fn diagnose(&mut self, diagnostic: Diagnostic) {
        self.catalog.diagnostics.push(diagnostic);
    }
}
