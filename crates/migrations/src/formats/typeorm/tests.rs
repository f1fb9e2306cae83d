//! TypeORM: folders written and read back, and what is wrong with some.

use super::TypeOrm;
use crate::formats::trial::{NOW, cannot, codes_of, detected, folder, plan, step};
use crate::{Dialect, Files, Format, Mode, New};

/// As `typeorm migration:create` makes it.
const TS: &str = "import { MigrationInterface, QueryRunner } from \"typeorm\";\n\n\
    export class Base1795221000000 implements MigrationInterface {\n\n\
    \x20   public async up(queryRunner: QueryRunner): Promise<void> {\n    }\n\n\
    \x20   public async down(queryRunner: QueryRunner): Promise<void> {\n    }\n\n}\n";

fn js(class: &str, more: &str) -> String {
    format!(
        "/**\n * @class\n */\nmodule.exports = class {class} {{\n{more}  async up(queryRunner) {{}}\n  async down(queryRunner) {{}}\n}}\n"
    )
}

fn written(files: &Files, new: &[New]) -> Vec<crate::Written> {
    let there = TypeOrm.read(files).unwrap();
    TypeOrm.write(files, &there, new, NOW).unwrap()
}

#[test]
fn classes_are_read_by_the_time_in_their_names() {
    let alone = js("Late", "  name = 'Late1795221000005'\n  transaction = false\n");
    let files = folder(&[("1-Late.js", &alone), ("9-Base.ts", TS), ("index.ts", "export * from './9-Base';")]);
    let read = TypeOrm.read(&files).unwrap();
    let seen: Vec<_> = read.iter().map(|m| (m.version.as_str(), m.name.as_str(), m.transaction)).collect();
    assert_eq!(seen, [("1795221000000", "Base1795221000000", true), ("1795221000005", "Late1795221000005", false)]);
    assert_eq!(detected(&files), Some("typeorm"));
}

#[test]
fn what_is_written_is_read_back_with_its_transactions() {
    let files = folder(&[]);
    let files = files.with(&written(&files, &plan()));
    let read = TypeOrm.read(&files).unwrap();
    let sides: Vec<_> = read.iter().map(|m| m.transaction).collect();
    assert_eq!(sides, plan().iter().map(|n| n.mode == Mode::Whole).collect::<Vec<_>>());
    assert!(!read[2].down_transaction && !read[9].down_transaction && read[0].down_transaction);
    assert_eq!((read[1].file.as_str(), read[1].name.as_str()), ("1795343400001-Expand2.ts", "Expand21795343400001"));
    assert_eq!(detected(&files), Some("typeorm"));
}

#[test]
fn one_alone_says_nothing_of_transactions() {
    let files = folder(&[("1999999999999-A.js", &js("A1999999999999", ""))]);
    let new = step("2fa", true, &["SELECT '`${x} ? \\'"], cannot("it's gone"));
    let written = written(&files, std::slice::from_ref(&new));
    assert_eq!(written[0].path, "2000000000000-Migration2fa.js");
    let text = written[0].text.as_str();
    assert!(text.contains("module.exports = class Migration2fa2000000000000 {\n"), "{text}");
    assert!(!text.contains("transaction"), "{text}");
    assert!(text.contains(r"    await queryRunner.query(`SELECT '\`\${x} ? \\'`);"), "{text}");
    assert!(text.contains(r"throw new Error('this migration cannot be taken back: it\'s gone');"), "{text}");
    assert!(
        TypeOrm.advice(Dialect::Postgres, &[new]).is_empty() && TypeOrm.advice(Dialect::Postgres, &plan()).len() == 1
    );
}

#[test]
fn new_files_stand_beside_the_last_one() {
    let files = folder(&[("a/1-A.ts", TS)]);
    assert!(written(&files, &plan())[0].path.starts_with("a/1795343400000-Base."));
}

#[test]
fn sql_in_a_method_is_no_field() {
    let sql = "  async up(queryRunner) {\n    await queryRunner.query(`UPDATE t SET\n    name = 'x',\n    transaction = false`)\n  }\n";
    let files = folder(&[("1-A.js", &js("A1795221000001", sql))]);
    let read = TypeOrm.read(&files).unwrap();
    assert_eq!((read[0].name.as_str(), read[0].transaction), ("A1795221000001", true));
}

#[test]
fn each_trouble_is_told() {
    let files = folder(&[
        ("1-A.js", &js("A1795221000001", "")),
        ("1-A.ts", &js("A1795221000001", "")),
        ("1-B.js", &js("B1795221000001", "")),
        ("1-C.js", &js("C20260101", "")),
        ("1795221000009-D.js", "// nothing"),
        ("1-A.d.ts", "export declare class A1795221000001 { up(queryRunner: any): void }"),
    ]);
    let trouble = TypeOrm.read(&files).unwrap_err();
    assert_eq!(codes_of(&trouble), ["duplicate-version", "duplicate-version", "bad-name", "bad-migration"]);
    assert_eq!(trouble.0[2].span.as_ref().map(|s| s.line), Some(4));
}

#[test]
fn a_database_is_told_by_the_names_of_classes() {
    let files = folder(&[("9-Base.ts", TS)]);
    let done = TypeOrm.read(&files).unwrap();
    let sql = TypeOrm.baseline(&files, &done, NOW).unwrap().sql;
    assert!(sql[1].contains("SELECT 1795221000000, 'Base1795221000000' WHERE"), "{}", sql[1]);
}
