//! What tests of folders of migrations share: the program on the folder `m` of a lab.

use super::{Lab, Ran};
use std::fs;

/// Runs the program on the folder `m` of the lab.
pub fn on(lab: &Lab, command: &str, format: &str, further: &[&str]) -> Ran {
    let mut args = vec![command, "--migrations", "m", "--format", format];
    args.extend(further);
    lab.run(args)
}

pub fn generate(lab: &Lab, format: &str, schema: &str, name: &str) -> Ran {
    lab.file("schema.sql", schema);
    on(lab, "generate", format, &["--schema", "schema.sql", "--name", name, "--allow", "data-loss"])
}

/// The names of the files of the folder, in order.
pub fn names(lab: &Lab) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(lab.path("m")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
