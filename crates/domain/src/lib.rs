//! The rules of the product: ids, prompt language, specs, job states, tiers, money. No I/O, no async.
