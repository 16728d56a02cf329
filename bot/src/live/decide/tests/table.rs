//! The whole table: every state of a row has one way, and every refusal on it leads on.

use super::*;

/// Route, token, message, hidden, ended, intent to post; then what is done. `*` is anything.
const STATES: [&str; 14] = [
    "interaction lives *     *   *   *   -> by token",
    "interaction dead  known no  *   *   -> by bot",
    "interaction dead  none  *   no  *   -> wait for the end",
    "interaction dead  none  no  yes *   -> take channel",
    "interaction dead  none  yes yes *   -> take direct",
    "interaction dead  known yes no  *   -> wait for the end",
    "interaction dead  known yes yes *   -> take direct",
    "channel     *     known *   *   *   -> by bot",
    "channel     *     none  *   *   no  -> post",
    "channel     *     none  *   *   yes -> look for it",
    "direct      *     known *   *   *   -> by bot",
    "direct      *     none  *   no  *   -> wait for the end",
    "direct      *     none  *   yes no  -> post",
    "direct      *     none  *   yes yes -> look for it",
];

/// What was tried, Discord's code, ended; then where it leads at first, and when the last try was refused, too.
const REFUSALS_OF: [&str; 24] = [
    "token       50027 * -> forget the token / forget the token",
    "token       10015 * -> forget the token / forget the token",
    "token       10008 no  -> wait for the end / wait for the end",
    "token       10008 yes -> take channel / take channel",
    "token       50083 yes -> take direct / take direct",
    "token       10003 yes -> take direct / take direct",
    "token       50035 yes -> again / forget the token",
    "bot         10008 yes -> take channel / take channel",
    "bot         30046 yes -> take channel / take channel",
    "bot         10003 yes -> take direct / take direct",
    "bot         50001 yes -> take direct / take direct",
    "bot         50013 yes -> take direct / take direct",
    "bot         50083 yes -> take direct / take direct",
    "bot         50035 yes -> again / take channel",
    "bot         50083 no  -> wait for the end / wait for the end",
    "bot         50035 no  -> again / wait for the end",
    "post        10003 yes -> take direct / take direct",
    "post        50001 yes -> take direct / take direct",
    "post        50013 yes -> take direct / take direct",
    "post        50083 yes -> take direct / take direct",
    "post        50035 yes -> again / take direct",
    "direct      50007 yes -> give up / give up",
    "direct      50278 yes -> give up / give up",
    "direct      50035 yes -> again / give up",
];

fn word(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

fn said(action: DeliveryAction) -> String {
    match action {
        DeliveryAction::Nothing => "nothing".into(),
        DeliveryAction::EditByToken => "by token".into(),
        DeliveryAction::EditByBot(_) => "by bot".into(),
        DeliveryAction::Find => "look for it".into(),
        DeliveryAction::Post => "post".into(),
        DeliveryAction::Switch(route) => format!("take {}", route.as_str()),
        DeliveryAction::Skip => "wait for the end".into(),
    }
}

fn led(reaction: Reaction) -> String {
    match reaction {
        Reaction::Retry(_) => "again".into(),
        Reaction::ForgetToken => "forget the token".into(),
        Reaction::Switch(route) => format!("take {}", route.as_str()),
        Reaction::Skip => "wait for the end".into(),
        Reaction::GiveUp(_) => "give up".into(),
    }
}

fn fits(rule: &str, facts: &[&str]) -> bool {
    rule.split_whitespace()
        .zip(facts)
        .all(|(wanted, fact)| wanted == "*" || wanted == *fact)
}

#[test]
fn every_state_has_one_way() {
    for n in 0..96_u32 {
        let bit = |at: u32| (n >> at) & 1 == 1;
        let route = [Route::Interaction, Route::Channel, Route::Direct][(n >> 5) as usize];
        let (lives, known, hidden, ended, intent) = (bit(0), bit(1), bit(2), bit(3), bit(4));
        let row = Delivery {
            route,
            token_expires_at: NOW + Duration::from_secs(u64::from(lives)),
            message: known.then_some(DiscordId(4)),
            ephemeral: hidden,
            post_intent_at: intent.then_some(NOW),
            ..row()
        };
        let facts = [
            route.as_str(),
            if lives { "lives" } else { "dead" },
            if known { "known" } else { "none" },
            word(hidden),
            word(ended),
            word(intent),
        ];
        let ways: Vec<&str> = STATES
            .iter()
            .filter_map(|line| line.split_once(" -> "))
            .filter(|(rule, _)| fits(rule, &facts))
            .map(|(_, way)| way)
            .collect();
        let action = said(next_delivery_action(&row, ended, NOW));
        assert_eq!(ways, [action.as_str()], "{facts:?}");
        let unknown = Delivery { token: None, ..row };
        let dead = next_delivery_action(&unknown, ended, NOW);
        assert_ne!(dead, DeliveryAction::EditByToken, "{facts:?} without token");
    }
}

#[test]
fn every_refusal_leads_on() {
    for line in REFUSALS_OF {
        let (rule, ways) = line.split_once(" -> ").unwrap();
        let (first, last) = ways.split_once(" / ").unwrap();
        let mut rule = rule.split_whitespace();
        let (tried, code) = (rule.next().unwrap(), rule.next().unwrap());
        let ends: &[bool] = match rule.next().unwrap() {
            "yes" => &[true],
            "no" => &[false],
            _ => &[false, true],
        };
        let (route, action) = match tried {
            "token" => (Route::Interaction, DeliveryAction::EditByToken),
            "bot" => (Route::Interaction, DeliveryAction::EditByBot(DiscordId(4))),
            "post" => (Route::Channel, DeliveryAction::Post),
            _ => (Route::Direct, DeliveryAction::Post),
        };
        let code: u32 = code.parse().unwrap();
        let status = match code {
            50_027 => 401,
            10_003 | 10_008 | 10_015 => 404,
            30_046 => 429,
            50_001 | 50_007 | 50_013 | 50_278 => 403,
            _ => 400,
        };
        for ended in ends {
            let mut row = Delivery { route, ..row() };
            for (failures, way) in [(0, first), (REFUSALS - 1, last)] {
                row.failures = failures;
                let reaction = after_failure(&row, action, &refused(status, code), *ended, 0.0);
                assert_eq!(led(reaction), way, "{line}, failure {failures}");
            }
        }
    }
}
