//! What came out of judging a prompt: enough to explain, count and store, and none of its words.

use serde::{Deserialize, Serialize};

use crate::category::{Category, Severity};

/// What happens to a prompt, mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PromptOutcome {
    /// It may be drawn.
    Allow,
    /// It is refused; the user is told the category.
    Block,
    /// It is refused everywhere, its author's waiting jobs are held, and the case is kept for the platform's moderators.
    HardBlock,
}

/// One rule that applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hit {
    /// Id of the rule or combination.
    pub rule: String,
    /// Its category.
    pub category: Category,
    /// Its severity.
    pub severity: Severity,
    /// Whether the words stood in `--no` and so were not asked for. Such hits never refuse anything.
    pub negated: bool,
}

/// The judgement of one prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptVerdict {
    /// What happens.
    pub outcome: PromptOutcome,
    /// Every rule that applied, worst first.
    pub hits: Vec<Hit>,
    /// SHA-256 in hex of the lists it was reached with.
    pub list_version: String,
}

impl PromptVerdict {
    /// The rule that decided a refusal.
    pub fn decisive(&self) -> Option<&Hit> {
        match self.outcome {
            PromptOutcome::Allow => None,
            PromptOutcome::Block | PromptOutcome::HardBlock => self.hits.first(),
        }
    }

    /// The category of a refusal.
    pub fn category(&self) -> Option<Category> {
        self.decisive().map(|hit| hit.category)
    }

    /// Whether the prompt may be drawn.
    pub fn allows(&self) -> bool {
        self.outcome == PromptOutcome::Allow
    }
}
