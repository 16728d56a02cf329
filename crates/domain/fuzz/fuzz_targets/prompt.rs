//! Any text is read, or refused at a place within itself; what is read is written back and read as the same.
#![no_main]

use easel_domain::prompt::{PromptProfile, parse};
use libfuzzer_sys::fuzz_target;

const MAX_JOBS: u32 = 40;

fuzz_target!(|input: (u8, &str)| {
    let (choice, text) = input;
    let profile = PromptProfile::ALL[usize::from(choice) % PromptProfile::ALL.len()];
    match parse(text, &profile, MAX_JOBS) {
        Ok(request) => {
            assert!((1..=MAX_JOBS as usize).contains(&request.jobs.len()));
            for prompt in request.jobs {
                let written = prompt.to_string();
                let again = parse(&written, &profile, MAX_JOBS).expect("what was written is read");
                assert_eq!(again.jobs.len(), usize::from(prompt.params.repeat));
                assert!(again.jobs.iter().all(|job| *job == prompt), "{text:?} became {written:?}");
                let _ = (prompt.words(), prompt.canonical_text());
            }
        }
        Err(error) => {
            assert!(text.get(error.span.start..error.span.end).is_some());
            assert!(!error.to_string().is_empty());
        }
    }
});
