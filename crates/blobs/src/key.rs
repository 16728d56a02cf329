//! Object keys: a class, and a name that only the holder of the secret can derive from the content.

use std::fmt;
use std::str::FromStr;

use easel_domain::UserId;
use easel_domain::picture::StorageClass;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::Sha256;

/// Who shares an object with equal content. Deduplication happens inside one scope only, so that nobody can learn from a
/// 412 that another member's private picture exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everybody, for objects that are kept under one retention class.
    Retention(StorageClass),
    /// One member, for private pictures.
    User(UserId),
}

/// The secret that turns content into names.
pub struct KeySecret(SecretBox<[u8]>);

impl fmt::Debug for KeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySecret")
    }
}

impl KeySecret {
    /// A secret of its own.
    pub fn new(secret: &SecretString) -> Self {
        Self(SecretBox::new(secret.expose_secret().as_bytes().into()))
    }

    /// A secret that follows from another one.
    pub fn derived(from: &SecretString) -> Self {
        let derived = mac(from.expose_secret().as_bytes())
            .chain_update(b"easel object keys")
            .finalize();
        Self(SecretBox::new(derived.into_bytes().to_vec().into()))
    }
}

fn mac(secret: &[u8]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length")
}

/// A key that is known to be well-formed: `<class>/ab/cd/<64 hex digits>.<extension>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    text: String,
    class: ClassName,
}

/// `StorageClass` by name, which is ordered.
type ClassName = &'static str;

/// Text that is no [`ObjectKey`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no object key")]
pub struct KeyError(pub String);

impl ObjectKey {
    /// The key of a body with this `sha256` (32 bytes in hex).
    ///
    /// # Errors
    /// A digest that is not 64 hex digits.
    pub fn derive(
        secret: &KeySecret,
        class: StorageClass,
        scope: Scope,
        sha256: &str,
        content_type: &str,
    ) -> Result<Self, KeyError> {
        let digest = hex::decode(sha256).ok().filter(|digest| digest.len() == 32);
        let digest = digest.ok_or_else(|| KeyError(sha256.into()))?;
        let scope = match scope {
            Scope::Retention(class) => format!("retention:{}", class.as_str()),
            Scope::User(user) => format!("user:{user}"),
        };
        // The digest has a fixed length, so scope and digest cannot run into each other.
        let name = mac(secret.0.expose_secret())
            .chain_update(scope.as_bytes())
            .chain_update(&digest)
            .finalize();
        let name = hex::encode(name.into_bytes());
        let text = format!(
            "{}/{}/{}/{name}.{}",
            class.as_str(),
            &name[..2],
            &name[2..4],
            extension(content_type)
        );
        Ok(Self {
            text,
            class: class.as_str(),
        })
    }

    /// The class that its prefix names.
    pub fn class(&self) -> StorageClass {
        StorageClass::from_name(self.class).expect("the name was taken from a class")
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for ObjectKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let refuse = || KeyError(text.chars().take(120).collect());
        let mut parts = text.split('/');
        let mut next = || parts.next().ok_or_else(refuse);
        let class = StorageClass::from_name(next()?).ok_or_else(refuse)?;
        let (first, second, name) = (next()?, next()?, next()?);
        let (stem, extension) = name.split_once('.').ok_or_else(refuse)?;
        let is_hex = stem.len() == 64
            && stem
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let ends =
            (2..=5).contains(&extension.len()) && extension.bytes().all(|b| b.is_ascii_lowercase());
        if !is_hex
            || !ends
            || parts.next().is_some()
            || first != &stem[..2]
            || second != &stem[2..4]
        {
            return Err(refuse());
        }
        Ok(Self {
            text: text.into(),
            class: class.as_str(),
        })
    }
}

fn extension(content_type: &str) -> &'static str {
    match content_type {
        "image/png" => "png",
        "image/jpeg" => "jpg",
        "image/webp" => "webp",
        "image/avif" => "avif",
        "application/json" => "json",
        _ => "bin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const SHA: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn derive(secret: &str, scope: Scope) -> ObjectKey {
        let secret = KeySecret::new(&SecretString::from(secret.to_string()));
        ObjectKey::derive(&secret, StorageClass::Private, scope, SHA, "image/png").unwrap()
    }

    #[test]
    fn a_key_shows_its_class_and_reads_back() {
        let key = derive("s", Scope::Retention(StorageClass::Private));
        assert!(
            key.as_str().starts_with("private/") && key.as_str().rsplit('.').next() == Some("png"),
            "{key}"
        );
        assert_eq!(key.as_str().parse(), Ok(key.clone()));
        assert_eq!(key.class(), StorageClass::Private);
    }

    #[test]
    fn equal_content_meets_only_inside_one_scope_and_secret() {
        let (ann, bob) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        let keys = [
            derive("s", Scope::User(ann)),
            derive("s", Scope::User(bob)),
            derive("s", Scope::Retention(StorageClass::Private)),
            derive("t", Scope::User(ann)),
        ];
        for (i, key) in keys.iter().enumerate() {
            assert!(!keys[..i].contains(key));
        }
        assert_eq!(keys[0], derive("s", Scope::User(ann)));
    }

    #[test]
    fn other_text_is_no_key() {
        let good = derive("s", Scope::Retention(StorageClass::Public)).to_string();
        for bad in [
            "",
            "public",
            "public/../secret",
            &good.replace("private", "elsewhere"),
            &format!("{good}/x"),
            &good.replace(".png", ".p/ng"),
            &good.replace(".png", ""),
            &good.to_uppercase(),
        ] {
            assert!(bad.parse::<ObjectKey>().is_err(), "{bad}");
        }
        let secret = KeySecret::new(&SecretString::from("s".to_string()));
        let scope = Scope::Retention(StorageClass::Public);
        for sha in ["", "zz", "abcd"] {
            assert!(
                ObjectKey::derive(&secret, StorageClass::Public, scope, sha, "image/png").is_err()
            );
        }
    }
}
