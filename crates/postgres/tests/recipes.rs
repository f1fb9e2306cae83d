//! The pages under `docs/recipes/` are the doc blocks of the recipes, and every recipe is listed. `UNDERPIN_BLESS=1` writes them.

use std::fs;
use std::path::{Path, PathBuf};
use underpin_postgres::recipes::RECIPES;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What ought to be in the folder, by name.
fn pages() -> Vec<(String, String)> {
    let mut index = "# Recipes\n\nHow a change that would stop an application becomes steps that it survives. A step of a plan names its recipe. \
                     The pages are\nthe doc blocks of the files under `crates/postgres/src/recipes/`, and `crates/sqlite/src/rebuild.rs`.\n\n"
        .to_owned();
    let mut pages = Vec::new();
    let mut recipes: Vec<_> = RECIPES.iter().chain(underpin_sqlite::RECIPES).collect();
    recipes.sort_by_key(|recipe| recipe.name);
    for recipe in recipes {
        let page = recipe.page();
        let title = page.lines().next().and_then(|line| line.strip_prefix("# ")).unwrap_or_default();
        index.push_str(&format!("- [{}]({}.md): {title}\n", recipe.name, recipe.name));
        pages.push((format!("{}.md", recipe.name), page));
    }
    pages.push(("README.md".to_owned(), index));
    pages
}

#[test]
fn pages_are_current() {
    let folder = root().join("docs/recipes");
    let bless = std::env::var_os("UNDERPIN_BLESS").is_some();
    let pages = pages();
    if bless {
        fs::create_dir_all(&folder).expect("the folder can be made");
        for (name, text) in &pages {
            fs::write(folder.join(name), text).expect("a page can be written");
        }
    }
    for (name, text) in &pages {
        let there = fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert!(there == *text, "docs/recipes/{name} is not what its recipe says; UNDERPIN_BLESS=1 writes it");
    }
    let known: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
    for entry in fs::read_dir(&folder).expect("the folder is there") {
        let name = entry.expect("readable").file_name().to_string_lossy().into_owned();
        assert!(known.contains(&name.as_str()), "docs/recipes/{name} is of no recipe");
    }
}

#[test]
fn every_recipe_has_a_whole_page() {
    let names: Vec<&str> = RECIPES.iter().chain(underpin_sqlite::RECIPES).map(|r| r.name).collect();
    let distinct: std::collections::BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(distinct.len(), names.len(), "a name is of one recipe: {names:?}");
    for recipe in RECIPES.iter().chain(underpin_sqlite::RECIPES) {
        let page = recipe.page();
        let title = page.lines().next().unwrap_or_default();
        assert!(title.starts_with("# "), "{}: the page begins with its title", recipe.name);
        assert!(page.contains("After a crash"), "{}: the page says nothing of what is left after a crash", recipe.name);
    }
}

#[test]
fn every_recipe_is_listed() {
    let folder = root().join("crates/postgres/src/recipes");
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("readable").path();
        let text = fs::read_to_string(&path).expect("readable");
        let name = text.lines().find_map(|l| l.strip_prefix("pub(crate) const NAME: &str = \"")?.strip_suffix("\";"));
        if let Some(name) = name {
            assert!(RECIPES.iter().any(|r| r.name == name), "{} has no line in RECIPES", path.display());
        }
    }
}
