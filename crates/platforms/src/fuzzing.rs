//! Doors for fuzzing into what is otherwise private. Not for use; may change at any time.

/// The root node that an answer of Alipay proves under `public_key` (PEM), if it proves one.
pub fn alipay_answer(body: &[u8], root: &str, public_key: &str) -> Option<String> {
    crate::alipay::verified_node(body, root, public_key)
}
