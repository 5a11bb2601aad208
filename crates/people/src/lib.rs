//! People: accounts, insured persons, consents, and the cipher that keeps them unreadable at rest.

mod cipher;

pub use cipher::{CipherError, FieldCipher, FieldKeys, Sealed};
