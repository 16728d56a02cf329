//! Numbers for names, which is what the policy counts with.

use std::collections::HashMap;
use std::hash::Hash;

/// Each name gets the next number when it is first heard.
#[derive(Debug)]
pub(super) struct Names<T> {
    numbers: HashMap<T, u32>,
    names: Vec<T>,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self {
            numbers: HashMap::new(),
            names: Vec::new(),
        }
    }
}

impl<T: Clone + Eq + Hash> Names<T> {
    /// The number of a name.
    pub fn number(&mut self, name: &T) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        self.numbers.insert(name.clone(), number);
        self.names.push(name.clone());
        number
    }

    /// The name of a number.
    pub fn name(&self, number: u32) -> Option<&T> {
        self.names.get(number as usize)
    }

    /// How many names were heard.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }
}
