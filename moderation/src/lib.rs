//! Prompt and image policy.
