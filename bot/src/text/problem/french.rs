//! French.

use super::{AddressFault, Hint, Offer, Problem, Wanted, listed, partner, shortest};

#[expect(clippy::too_many_lines, reason = "one sentence for each variant")]
pub(super) fn sentence(problem: &Problem) -> String {
    match problem {
        Problem::TooLong { characters, most } => {
            format!("un prompt a au plus {most} caractères, celui-ci en a {characters}")
        }
        Problem::ControlCharacter(character) => format!(
            "le prompt contient le caractère de contrôle U+{:04X}, qui ne se dessine pas ; enlève-le",
            u32::from(*character)
        ),
        Problem::TooDeep { most } => {
            format!("les accolades peuvent s'imbriquer sur {most} niveaux, pas plus")
        }
        Problem::Unpaired { brace } => format!(
            "“{brace}” n'a pas de “{}” ; écris “\\{brace}” pour le caractère lui-même",
            partner(*brace)
        ),
        Problem::TooManyJobs {
            jobs: Some(jobs),
            most,
        } => {
            format!("cela fait au moins {jobs} tâches ; ton niveau en permet {most} pour un prompt")
        }
        Problem::TooManyJobs { jobs: None, most } => format!(
            "cela fait beaucoup trop de tâches ; ton niveau en permet {most} pour un prompt"
        ),
        Problem::OneJobOnly => {
            "ton niveau lance une tâche par prompt : ni permutations ni --repeat".into()
        }
        Problem::RelaxedPermutations => {
            "--relax lance une tâche à la fois, sans permutations".into()
        }
        Problem::Empty => "décris ce que l'image doit montrer".into(),
        Problem::OnePictureAlone => {
            "une image seule demande du texte à côté, ou une deuxième image".into()
        }
        Problem::UnknownName { name, hint } => {
            let hint = match hint {
                Hint::Space(name) => format!(" ; mets une espace après --{name}"),
                Hint::Nearest(name) => format!(" ; voulais-tu dire --{name} ?"),
                Hint::Instead(name) => format!(" ; utilise plutôt --{name}"),
                Hint::Offer(offer) => format!(" ; {}", offered(*offer)),
                Hint::None => String::new(),
            };
            format!("il n'y a pas de paramètre “--{name}”{hint}")
        }
        Problem::NoName => "“--” ne nomme aucun paramètre ; écris son nom juste derrière".into(),
        Problem::NotInVersion {
            parameter,
            profile,
            instead,
        } => {
            let there = instead.map(|other| format!(" ; utilise --{other} dans celle-ci"));
            format!(
                "--{parameter} n'existe pas en {profile}{}",
                there.unwrap_or_default()
            )
        }
        Problem::Twice(parameter) => format!("--{parameter} est donné deux fois"),
        Problem::Exclusive(first, second) => {
            format!("--{first} et --{second} s'excluent l'un l'autre")
        }
        Problem::Missing { parameter, wanted } => format!("--{parameter} {}", expects(*wanted)),
        Problem::Unwanted {
            parameter,
            wanted,
            typed,
            meant,
        } => {
            let meant = meant.as_ref();
            let rather = meant.map(|meant| format!(" ; écris “{meant}”"));
            let rather = rather.unwrap_or_default();
            format!("--{parameter} {}, pas “{typed}”{rather}", expects(*wanted))
        }
        Problem::TextBehind {
            parameter,
            takes_value,
            typed,
        } => {
            let takes = if *takes_value {
                "prend une seule valeur"
            } else {
                "ne prend pas de valeur"
            };
            format!(
                "--{parameter} {takes}, et le texte se place avant tous les paramètres, pas derrière comme “{typed}”"
            )
        }
        Problem::GluedToList { parameter, typed } => format!(
            "--{parameter} {} ; mets une espace avant “{typed}”",
            expects(Wanted::List)
        ),
        Problem::Address {
            parameter: None,
            typed,
            fault,
        } => {
            format!("l'adresse d'image “{typed}” {}", fails(*fault))
        }
        Problem::Address {
            parameter: Some(parameter),
            typed,
            fault,
        } => {
            let wanted = if parameter.to_string() == "sref" {
                Wanted::Styles
            } else {
                Wanted::Pictures
            };
            format!(
                "--{parameter} {} ; “{typed}” {}",
                expects(wanted),
                fails(*fault)
            )
        }
        Problem::LateAddress(typed) => {
            format!("les adresses d'images se placent avant le texte ; “{typed}” n'y est pas")
        }
        Problem::NoParts { profile } => {
            format!("les prompts en plusieurs parties (“::”) n'existent pas en {profile}")
        }
        Problem::PartWithoutText => {
            "“::” demande du texte devant, comme dans “hot::2 dog::1”".into()
        }
        Problem::WeightForm(typed) => format!(
            "le poids derrière “::” est “{typed}” ; écris un nombre comme 2 ou -.5, puis une espace avant la suite"
        ),
        Problem::WeightRange { typed, most } => {
            format!("les poids vont de -{most} à {most}, pas “{typed}”")
        }
        Problem::GluedToPart(typed) => format!("mets une espace avant “{typed}”"),
        Problem::Misspelt { typed, name } => {
            format!("écris “--{name}” si “{typed}” doit être un paramètre")
        }
        Problem::NoParameter(typed) => {
            format!(
                "seuls des paramètres comme --ar 3:2 peuvent être gardés ; “{typed}” n'en est pas un"
            )
        }
        Problem::NotKept(parameter) => {
            format!("--{parameter} ne peut pas être gardé ; écris-le là où tu le veux")
        }
        Problem::TooMuchKept { characters, most } => {
            format!("au plus {most} caractères peuvent être gardés, il y en a {characters}")
        }
        Problem::WeightSum => "la somme des poids de toutes les parties doit dépasser 0".into(),
    }
}

fn offered(offer: Offer) -> &'static str {
    match offer {
        Offer::Upscale => {
            "une image s'agrandit avec les boutons U1 à U4 et ceux qui sont sous la grande image"
        }
        Offer::Film => {
            "il n'y a pas de films ici, mais le message montre l'image pendant qu'elle se dessine"
        }
        Offer::Suffix => "ce que tous tes prompts doivent avoir se garde avec /préférences suffixe",
        Offer::OwnModels => "Easel dessine avec ses propres modèles",
        Offer::StartPicture => {
            "une image de départ s'envoie, ou son adresse se place avant le texte"
        }
        Offer::Help => "la commande /aide dit ce qu'il y a",
    }
}

fn expects(wanted: Wanted) -> String {
    match wanted {
        Wanted::Whole { min, max } => format!("prend un nombre entier de {min} à {max}"),
        Wanted::Decimal { min, max } => format!("prend un nombre de {min} à {max}"),
        Wanted::Qualities(allowed) => format!("prend une de ces valeurs : {}", listed(allowed)),
        Wanted::Ratio {
            limit: Some(limit),
            profile,
        } => {
            format!("prend deux nombres entiers comme 16:9, de 1:{limit} à {limit}:1 en {profile}")
        }
        Wanted::Ratio { limit: None, .. } => {
            "prend deux nombres entiers au-dessus de 0, comme 16:9".into()
        }
        Wanted::Words(words) => format!("prend {}", words.join(" ou ")),
        Wanted::Versions(versions) => {
            format!("prend une des versions {}", listed(&shortest(versions)))
        }
        Wanted::List => "prend des mots, séparés par des virgules".into(),
        Wanted::Unweighted => "prend des mots sans poids, séparés par des virgules".into(),
        Wanted::Pictures => "prend des adresses d'images".into(),
        Wanted::Styles => "prend des adresses d'images, des numéros de style ou “random”".into(),
        Wanted::StyleNumber => format!("prend des numéros de style de 0 à {}", u32::MAX),
        Wanted::ReferenceWeight { max } => {
            format!("prend derrière “::” des poids au-dessus de 0 et jusqu'à {max}")
        }
        Wanted::Nothing => "ne prend pas de valeur".into(),
    }
}

fn fails(fault: AddressFault) -> &'static str {
    match fault {
        AddressFault::Invalid => "n'est pas une adresse valide",
        AddressFault::Scheme => "doit commencer par https:// ou http://",
        AddressFault::Credentials => "ne doit contenir ni nom d'utilisateur ni mot de passe",
        AddressFault::Suffix => {
            "doit être l'adresse directe d'un fichier .png, .gif, .webp, .jpg ou .jpeg"
        }
    }
}
