//! `underpin explain`: the page of a recipe.

use crate::args::ExplainArgs;
use crate::exit;
use std::io::{self, Write};
use underpin_engine::{EngineError, recipes};

pub fn run(args: &ExplainArgs) -> Result<u8, EngineError> {
    let mut text = String::new();
    match &args.name {
        None => {
            for recipe in recipes() {
                let page = recipe.page();
                let title = page.lines().next().unwrap_or_default().trim_start_matches("# ");
                text.push_str(&format!("{:28} {title}\n", recipe.name));
            }
        }
        Some(name) => match recipes().find(|r| r.name == name) {
            Some(recipe) => text = recipe.page(),
            None => {
                return Err(EngineError::Usage(format!(
                    "there is no recipe `{name}`; `underpin explain` lists those that there are"
                )));
            }
        },
    }
    // Where nobody reads on, nothing is left to say.
    let _ = io::stdout().lock().write_all(text.as_bytes());
    Ok(exit::DONE)
}
