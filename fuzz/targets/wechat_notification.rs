#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::wechat_notification(data));
