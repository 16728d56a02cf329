//! A message as somebody reads it, line by line, with what differs from run to run under fixed names.

use easel_playground::SeenMessage;
use serde_json::Value;

/// The whole message: text, pictures in angle brackets, buttons in square ones, greyed-out ones in round ones.
pub fn seen(message: &SeenMessage) -> String {
    let mut lines: Vec<String> = message.content().lines().map(steady).collect();
    if message.is_loading() {
        lines.push("(thinking)".into());
    }
    lines.extend(
        message
            .embeds()
            .iter()
            .filter_map(picture_url)
            .map(|url| format!("<{}>", picture_name(url))),
    );
    lines.extend(
        message
            .attachments()
            .iter()
            .map(|file| format!("<{}>", file.filename)),
    );
    let rows = message.json()["components"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    lines.extend(rows.iter().map(buttons));
    lines.join("\n")
}

/// The address of the picture in an embed.
pub fn picture_url(embed: &Value) -> Option<&str> {
    embed["image"]["url"].as_str()
}

/// Finished pictures have a key, the preview has a name.
fn picture_name(url: &str) -> &str {
    if url.contains("preview.png") {
        "preview"
    } else {
        "picture"
    }
}

fn buttons(row: &Value) -> String {
    let all = row["components"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let shown = all.iter().map(|button| {
        let parts = [button["emoji"]["name"].as_str(), button["label"].as_str()];
        let text = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
        if button["disabled"] == true {
            format!("({text})")
        } else {
            format!("[{text}]")
        }
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// Replaces ids, seeds and times.
fn steady(line: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in line.split(' ') {
        let before = words.last().map_or("", String::as_str);
        let is_number =
            |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '.');
        let steady = match before {
            "job" => "`ID`",
            "seed" if is_number(word) => "N",
            _ if word == "s" && is_number(before) => {
                words.pop();
                words.push("T".into());
                word
            }
            _ if word.starts_with("<@") => "<@member>",
            _ => word,
        };
        words.push(steady.to_owned());
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_seeds_and_times_are_steady() {
        assert_eq!(
            steady("-# 64×64 · seed 17 · 4 steps · 0.4 s · job `0197a3c2`"),
            "-# 64×64 · seed N · 4 steps · T s · job `ID`"
        );
        assert_eq!(
            steady("**a boat** — <@42> · once more"),
            "**a boat** — <@member> · once more"
        );
    }
}
