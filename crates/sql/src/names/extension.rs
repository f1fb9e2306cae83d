//! What the extensions that schemas use most make under another name than their own, so that a file that uses them may
//! stand before the one that makes them. From the control and script files of PostgreSQL's `contrib` (12 to 18),
//! PostGIS 3 and pgvector 0.8. An extension that is not listed is known to make a type of its own name.

use crate::statement::{Name, Space};

const MADE: &[(&str, Space, &[&str])] = &[
    (
        "uuid-ossp",
        Space::Routine,
        &[
            "uuid_generate_v1",
            "uuid_generate_v1mc",
            "uuid_generate_v3",
            "uuid_generate_v4",
            "uuid_generate_v5",
            "uuid_nil",
        ],
    ),
    (
        "pgcrypto",
        Space::Routine,
        &[
            "gen_random_uuid",
            "gen_random_bytes",
            "gen_salt",
            "crypt",
            "digest",
            "hmac",
            "encrypt",
            "decrypt",
            "pgp_sym_encrypt",
            "pgp_sym_decrypt",
            "pgp_pub_encrypt",
            "pgp_pub_decrypt",
        ],
    ),
    // They bring default operator classes for plain types, which an index gets by its access method alone.
    ("btree_gin", Space::Other, &["gin"]),
    ("btree_gist", Space::Other, &["gist"]),
    ("bloom", Space::Other, &["bloom"]),
    ("pg_trgm", Space::Other, &["gin_trgm_ops", "gist_trgm_ops"]),
    ("pg_trgm", Space::Routine, &["similarity", "word_similarity", "strict_word_similarity", "show_trgm"]),
    ("unaccent", Space::Routine, &["unaccent"]),
    ("unaccent", Space::Other, &["unaccent"]),
    ("fuzzystrmatch", Space::Routine, &["levenshtein", "soundex", "metaphone", "dmetaphone", "difference"]),
    ("ltree", Space::Type, &["lquery", "ltxtquery"]),
    ("hstore", Space::Routine, &["hstore"]),
    ("intarray", Space::Other, &["gist__int_ops", "gin__int_ops", "gist__intbig_ops"]),
    ("isn", Space::Type, &["ean13", "isbn", "isbn13", "issn", "issn13", "ismn", "ismn13", "upc"]),
    ("earthdistance", Space::Type, &["earth"]),
    ("earthdistance", Space::Routine, &["ll_to_earth", "earth_distance", "earth_box"]),
    ("tablefunc", Space::Routine, &["crosstab", "connectby", "normal_rand"]),
    ("lo", Space::Routine, &["lo_manage"]),
    ("moddatetime", Space::Routine, &["moddatetime"]),
    ("file_fdw", Space::Other, &["file_fdw"]),
    ("postgis", Space::Type, &["geometry", "geography", "box2d", "box3d", "raster"]),
    ("vector", Space::Type, &["halfvec", "sparsevec"]),
    (
        "vector",
        Space::Other,
        &["hnsw", "ivfflat", "vector_l2_ops", "vector_ip_ops", "vector_cosine_ops", "halfvec_l2_ops"],
    ),
];

/// Extensions that must be there before: (extension, what it requires).
const REQUIRES: &[(&str, &str)] = &[
    ("earthdistance", "cube"),
    ("postgis_topology", "postgis"),
    ("postgis_raster", "postgis"),
    ("postgis_sfcgal", "postgis"),
    ("postgis_tiger_geocoder", "postgis"),
    ("postgis_tiger_geocoder", "fuzzystrmatch"),
];

/// The names that `CREATE EXTENSION extension` makes, in `schema` where it says one.
pub(crate) fn makes(extension: &str, schema: Option<&str>) -> Vec<Name> {
    let name = |name: &str, space| Name { schema: schema.map(str::to_owned), name: name.to_owned(), space };
    let mut made = vec![
        // The extension itself stands in no schema.
        Name { schema: None, name: extension.to_owned(), space: Space::Other },
        name(extension, Space::Type),
    ];
    for (_, space, names) in MADE.iter().filter(|(e, ..)| *e == extension) {
        made.extend(names.iter().map(|n| name(n, *space)));
    }
    made
}

/// What it requires.
pub(crate) fn requires(extension: &str) -> impl Iterator<Item = Name> {
    let required = REQUIRES.iter().filter(move |(e, _)| *e == extension);
    required.map(|(_, other)| Name { schema: None, name: (*other).to_owned(), space: Space::Other })
}
