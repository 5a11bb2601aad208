#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::keys_and_certificates(data));
