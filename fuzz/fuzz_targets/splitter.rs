//! Any text through the lexer and the splitter.
#![no_main]

use underpin_sql::laws;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Err(broken) = laws::splitter(text) {
        panic!("{broken}");
    }
});
