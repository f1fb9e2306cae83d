use super::*;

fn texts(text: &str) -> Vec<&str> {
    split(text).statements.into_iter().map(|s| &text[s.span]).collect()
}

#[test]
fn semicolons_count_only_outside() {
    let text = "SELECT ';'; SELECT \";\" /* ; */; SELECT $a$;$a$ -- ;\n ;; SELECT (1;2) ;\r\nSELECT 1";
    let want = ["SELECT ';'", "SELECT \";\"", "SELECT $a$;$a$", "SELECT (1;2)", "SELECT 1"];
    assert_eq!(texts(text), want);
    assert_eq!(split(text).statements.iter().map(|s| s.line).collect::<Vec<_>>(), [1, 1, 1, 2, 3]);
}

#[test]
fn bodies_of_sql_functions_stay_whole() {
    let text = "CREATE OR REPLACE FUNCTION f(x int) RETURNS int LANGUAGE sql BEGIN ATOMIC\n SELECT 1; \
                SELECT CASE WHEN x > 1 THEN CASE x WHEN 2 THEN 3 END ELSE 4 END; END; SELECT 2;\
                CREATE PROCEDURE p() BEGIN ATOMIC END; BEGIN; SELECT 3; END;";
    let got = texts(text);
    assert_eq!(got.len(), 6, "{got:?}");
    assert!(got[0].ends_with("END"));
    assert_eq!(got[1], "SELECT 2");
    assert_eq!(got[3], "BEGIN");
    let rule = "CREATE RULE r AS ON INSERT TO t DO (INSERT INTO a VALUES (1); INSERT INTO b VALUES (2)); SELECT 1;";
    assert_eq!(texts(rule).len(), 2);
}

#[test]
fn commands_of_psql_are_left_out_and_told() {
    let text = "\u{feff}\\restrict abc\r\nSELECT 1 \\gexec\n\\set x 'a;b'\nSELECT 2;\n  \\i x.sql \\\\ SELECT 3;\n\\unrestrict abc";
    assert_eq!(texts(text), ["SELECT 1", "SELECT 2", "SELECT 3"]);
    let skipped: Vec<_> = split(text).skipped.into_iter().map(|s| (s.what, s.line, s.text)).collect();
    let meta = |line, text: &str| (SkippedKind::MetaCommand, line, text.to_owned());
    assert_eq!(
        skipped,
        [
            meta(1, "\\restrict abc"),
            meta(2, "\\gexec"),
            meta(3, "\\set x 'a;b'"),
            meta(5, "\\i x.sql"),
            meta(6, "\\unrestrict abc")
        ]
    );
    assert_eq!(texts("SELECT 1\\; SELECT 2;"), ["SELECT 1", "SELECT 2"]);
}

#[test]
fn rows_of_a_copy_are_left_out() {
    let text = "COPY public.t (a, \"b\") FROM stdin WITH (FORMAT text);\n1\tit's; $$\n\\.x\n\\.\nSELECT 1;\n\\copy t from stdin\n'\n\\.\r\nSELECT 2;\nCOPY t TO stdout; COPY t FROM stdin;\n\\.\nSELECT 3";
    let got = texts(text);
    assert_eq!(got[1..], ["SELECT 1", "SELECT 2", "COPY t TO stdout", "COPY t FROM stdin", "SELECT 3"]);
    let split = split(text);
    assert_eq!(split.problems, []);
    let skipped: Vec<_> = split.skipped.iter().map(|s| (s.what, s.line, s.text.as_str())).collect();
    assert_eq!(
        skipped,
        [
            (SkippedKind::CopyData, 2, "1\tit's; $$"),
            (SkippedKind::MetaCommand, 6, "\\copy t from stdin"),
            (SkippedKind::CopyData, 7, "'"),
            (SkippedKind::CopyData, 11, "\\."),
        ]
    );
}

#[test]
fn what_is_not_closed_is_told() {
    let problems = |text| split(text).problems.into_iter().map(|p| (p.kind, p.line)).collect::<Vec<_>>();
    assert_eq!(problems("SELECT 1;\nSELECT 'abc;\nx"), [(ProblemKind::Unclosed("'abc;".into()), 2)]);
    assert_eq!(problems("COPY t FROM stdin;\n1\n2\n"), [(ProblemKind::UnclosedCopy, 2)]);
    assert_eq!(problems("COPY t FROM stdin;\n\\."), []);
}

#[test]
fn the_search_path_and_other_settings_are_followed() {
    let text = "CREATE TABLE a (); SET search_path = s, \"$user\", 'T'; CREATE TABLE b ();\
                SELECT pg_catalog.set_config('search_path', '', false); CREATE TABLE c ();\
                SET search_path TO DEFAULT; CREATE TABLE d (); SET SCHEMA 'q'; CREATE TABLE e ();\
                SET standard_conforming_strings = off; SELECT 'a\\'; b'; SET standard_conforming_strings = on; \
                SELECT '\\';";
    let split = split(text);
    let paths: Vec<Option<Vec<String>>> = split
        .statements
        .iter()
        .filter(|s| matches!(s.class, Class::Create(_)))
        .map(|s| s.search_path.as_ref().map(|p| p.to_vec()))
        .collect();
    let path = |names: &[&str]| Some(names.iter().map(|n| (*n).to_owned()).collect());
    assert_eq!(paths, [None, path(&["s", "$user", "T"]), path(&[]), None, path(&["q"])]);
    let last: Vec<_> = split.statements.iter().rev().take(3).map(|s| &text[s.span.clone()]).collect();
    assert_eq!(last[0], "SELECT '\\'");
    assert_eq!(last[2], "SELECT 'a\\'; b'");
    assert_eq!(split.problems, []);
}

#[test]
fn columns_are_known_with_their_lines() {
    let text = "CREATE TABLE t (a int,\n b numeric(10,\n2) DEFAULT f(1, 2), \"C d\" text[],\n exclude text,\n\
                CONSTRAINT k CHECK (a > 0), PRIMARY KEY (a), LIKE x, EXCLUDE USING gist (a WITH =))";
    let split = split(text);
    let columns: Vec<_> = split.statements[0].columns.iter().map(|(n, l)| (n.as_str(), *l)).collect();
    assert_eq!(columns, [("a", 1), ("b", 2), ("C d", 3), ("exclude", 4)]);
}

#[test]
fn an_empty_text_has_nothing() {
    assert_eq!(split(""), Split::default());
    assert_eq!(split(" -- x\n;;/* */;"), Split::default());
}
