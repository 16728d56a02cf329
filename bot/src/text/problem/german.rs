//! German.

use super::{AddressFault, Hint, Offer, Problem, Wanted, listed, partner, shortest};

#[expect(clippy::too_many_lines, reason = "one sentence for each variant")]
pub(super) fn sentence(problem: &Problem) -> String {
    match problem {
        Problem::TooLong { characters, most } => {
            format!("ein Prompt hat höchstens {most} Zeichen, dieser hat {characters}")
        }
        Problem::ControlCharacter(character) => format!(
            "der Prompt enthält das Steuerzeichen U+{:04X}, das sich nicht zeichnen lässt; entferne es",
            u32::from(*character)
        ),
        Problem::TooDeep { most } => {
            format!("geschweifte Klammern dürfen höchstens {most}-fach verschachtelt sein")
        }
        Problem::Unpaired { brace } => format!(
            "zu “{brace}” fehlt “{}”; für das Zeichen selbst schreibe “\\{brace}”",
            partner(*brace)
        ),
        Problem::TooManyJobs { jobs: Some(jobs), most } => format!(
            "das ergibt mindestens {jobs} Aufträge; deine Stufe erlaubt {most} für einen Prompt"
        ),
        Problem::TooManyJobs { jobs: None, most } => format!(
            "das ergibt viel zu viele Aufträge; deine Stufe erlaubt {most} für einen Prompt"
        ),
        Problem::OneJobOnly => "deine Stufe startet einen Auftrag für einen Prompt: keine Permutationen und kein --repeat".into(),
        Problem::RelaxedPermutations => {
            "--relax startet einen Auftrag auf einmal, ohne Permutationen".into()
        }
        Problem::Empty => "beschreibe, was das Bild zeigen soll".into(),
        Problem::OnePictureAlone => {
            "zu einem einzelnen Bild gehört Text oder ein zweites Bild".into()
        }
        Problem::UnknownName { name, hint } => {
            let hint = match hint {
                Hint::Space(name) => format!("; hinter --{name} gehört ein Leerzeichen"),
                Hint::Nearest(name) => format!("; meintest du --{name}?"),
                Hint::Instead(name) => format!("; nimm stattdessen --{name}"),
                Hint::Offer(offer) => format!("; {}", offered(*offer)),
                Hint::None => String::new(),
            };
            format!("einen Parameter “--{name}” gibt es nicht{hint}")
        }
        Problem::NoName => "“--” nennt keinen Parameter; schreibe seinen Namen direkt dahinter".into(),
        Problem::NotInVersion { parameter, profile, instead } => {
            let there = instead.map(|other| format!("; nimm dort --{other}"));
            format!("--{parameter} gibt es in {profile} nicht{}", there.unwrap_or_default())
        }
        Problem::Twice(parameter) => format!("--{parameter} steht zweimal da"),
        Problem::Exclusive(first, second) => {
            format!("--{first} und --{second} schließen einander aus")
        }
        Problem::Missing { parameter, wanted } => format!("--{parameter} {}", expects(*wanted)),
        Problem::Unwanted { parameter, wanted, typed, meant } => {
            let meant = meant.as_ref();
            let rather = meant.map(|meant| format!("; gemeint ist wohl “{meant}”"));
            let rather = rather.unwrap_or_default();
            format!("--{parameter} {}, nicht “{typed}”{rather}", expects(*wanted))
        }
        Problem::TextBehind { parameter, takes_value, typed } => {
            let value = if *takes_value { "einen Wert" } else { "keinen Wert" };
            format!(
                "--{parameter} nimmt {value}, und Text steht vor allen Parametern, nicht dahinter wie “{typed}”"
            )
        }
        Problem::GluedToList { parameter, typed } => format!(
            "--{parameter} {}; vor “{typed}” gehört ein Leerzeichen",
            expects(Wanted::List)
        ),
        Problem::Address { parameter: None, typed, fault } => {
            format!("die Bildadresse “{typed}” {}", fails(*fault))
        }
        Problem::Address { parameter: Some(parameter), typed, fault } => {
            let wanted = if parameter.to_string() == "sref" { Wanted::Styles } else { Wanted::Pictures };
            format!("--{parameter} {}; “{typed}” {}", expects(wanted), fails(*fault))
        }
        Problem::LateAddress(typed) => {
            format!("Bildadressen stehen vor dem Text; “{typed}” tut das nicht")
        }
        Problem::NoParts { profile } => {
            format!("Prompts aus mehreren Teilen (“::”) gibt es in {profile} nicht")
        }
        Problem::PartWithoutText => "vor “::” gehört Text, wie in “hot::2 dog::1”".into(),
        Problem::WeightForm(typed) => format!(
            "das Gewicht hinter “::” ist “{typed}”; schreibe eine Zahl wie 2 oder -.5, dann ein Leerzeichen vor weiterem Text"
        ),
        Problem::WeightRange { typed, most } => {
            format!("Gewichte gehen von -{most} bis {most}, nicht “{typed}”")
        }
        Problem::GluedToPart(typed) => format!("vor “{typed}” gehört ein Leerzeichen"),
        Problem::Misspelt { typed, name } => {
            format!("schreib “--{name}”, wenn “{typed}” ein Parameter sein soll")
        }
        Problem::NoParameter(typed) => {
            format!("aufbewahrt werden nur Parameter wie --ar 3:2; “{typed}” ist keiner")
        }
        Problem::NotKept(parameter) => format!(
            "--{parameter} kann nicht aufbewahrt werden; schreib es dort, wo du es willst"
        ),
        Problem::TooMuchKept { characters, most } => format!(
            "höchstens {most} Zeichen können aufbewahrt werden, das sind {characters}"
        ),
        Problem::WeightSum => "die Gewichte aller Teile müssen zusammen mehr als 0 ergeben".into(),
    }
}

fn offered(offer: Offer) -> &'static str {
    match offer {
        Offer::Upscale => {
            "größer wird ein Bild durch die Knöpfe U1 bis U4 und die unter dem großen Bild"
        }
        Offer::Film => {
            "Filme gibt es hier nicht, aber die Nachricht zeigt das Bild, während es entsteht"
        }
        Offer::Suffix => "was alle deine Prompts haben sollen, bewahrt /vorlieben anhang auf",
        Offer::OwnModels => "Easel zeichnet mit eigenen Modellen",
        Offer::StartPicture => {
            "ein Bild zum Ausgehen lädst du hoch, oder seine Adresse steht vor dem Text"
        }
        Offer::Help => "der Befehl /hilfe sagt, was es gibt",
    }
}

fn expects(wanted: Wanted) -> String {
    match wanted {
        Wanted::Whole { min, max } => format!("nimmt eine ganze Zahl von {min} bis {max}"),
        Wanted::Decimal { min, max } => format!("nimmt eine Zahl von {min} bis {max}"),
        Wanted::Qualities(allowed) => format!("nimmt einen dieser Werte: {}", listed(allowed)),
        Wanted::Ratio {
            limit: Some(limit),
            profile,
        } => {
            format!("nimmt zwei ganze Zahlen wie 16:9, in {profile} von 1:{limit} bis {limit}:1")
        }
        Wanted::Ratio { limit: None, .. } => "nimmt zwei ganze Zahlen über 0, wie 16:9".into(),
        Wanted::Words(words) => format!("nimmt {}", words.join(" oder ")),
        Wanted::Versions(versions) => {
            format!("nimmt eine der Versionen {}", listed(&shortest(versions)))
        }
        Wanted::List => "nimmt Wörter, durch Kommas getrennt".into(),
        Wanted::Unweighted => "nimmt Wörter ohne Gewichte, durch Kommas getrennt".into(),
        Wanted::Pictures => "nimmt Bildadressen".into(),
        Wanted::Styles => "nimmt Bildadressen, Stilnummern oder “random”".into(),
        Wanted::StyleNumber => format!("nimmt Stilnummern von 0 bis {}", u32::MAX),
        Wanted::ReferenceWeight { max } => {
            format!("nimmt hinter “::” Gewichte über 0 und bis {max}")
        }
        Wanted::Nothing => "nimmt keinen Wert".into(),
    }
}

fn fails(fault: AddressFault) -> &'static str {
    match fault {
        AddressFault::Invalid => "ist keine gültige Adresse",
        AddressFault::Scheme => "muss mit https:// oder http:// beginnen",
        AddressFault::Credentials => "darf keinen Benutzernamen und kein Passwort enthalten",
        AddressFault::Suffix => {
            "muss die direkte Adresse einer Datei .png, .gif, .webp, .jpg oder .jpeg sein"
        }
    }
}
