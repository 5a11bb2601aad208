//! The mocks from outside: real HTTP, with signers and verifiers of the tests' own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod accidents;
mod alipay;
mod alipay_accidents;
mod alipay_bills;
mod alipay_modes;
mod alipay_orders;
mod alipay_rules;
mod alipay_second;
mod bench;
mod control;
mod folder;
mod mini_program;
mod openapi;
mod phone;
mod products;
mod receiver;
mod timetable;
mod wechat;
mod wechat_forms;
mod wechat_keys;
mod wechat_merchants;
mod wechat_rules;
