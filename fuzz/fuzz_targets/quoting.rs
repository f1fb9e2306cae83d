//! Any text that a name or a value can be through quoting and back.
#![no_main]

use libfuzzer_sys::Corpus;
use underpin_sql::laws;

libfuzzer_sys::fuzz_target!(|text: &str| -> Corpus {
    if text.contains('\0') {
        return Corpus::Reject;
    }
    if let Err(broken) = laws::quoting(text) {
        panic!("{broken}");
    }
    Corpus::Keep
});
