//! An error with everything that led to it, on one line, for whoever handles it last.

use std::error::Error;

/// The error and its sources, outermost first, as `submit a job: no connection to the database: timed out`. A source that
/// says the same as the layer above it is said once.
pub fn chain<E: Error + ?Sized>(error: &E) -> String {
    let mut said = error.to_string();
    let mut last = said.clone();
    let mut next = error.source();
    while let Some(source) = next {
        let words = source.to_string();
        if words != last {
            said.push_str(": ");
            said.push_str(&words);
        }
        last = words;
        next = source.source();
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{words}")]
    struct Layer {
        words: &'static str,
        source: Option<Box<Layer>>,
    }

    #[test]
    fn every_layer_is_said_once_and_in_order() {
        let layer = |words, source| Layer { words, source };
        let inner = layer("password refused", None);
        let same = layer("connect", Some(Box::new(inner)));
        let middle = layer("connect", Some(Box::new(same)));
        let outer = layer("no connection to the database", Some(Box::new(middle)));
        assert_eq!(
            chain(&outer),
            "no connection to the database: connect: password refused"
        );
    }
}
