//! A message as it goes over the wire, and the changes that nobody signed.

use reqwest::{
    Method,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    case::{Address, Edit, Message, Stage},
    scene::Scene,
};
use crate::town::{Answer, Town};

/// A request, ready.
#[derive(Clone, Debug)]
pub struct Sent {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Vec<u8>,
    chunked: bool,
}

impl Sent {
    /// The message's own headers, then the file's changes.
    pub fn new(
        scene: &Scene<'_>,
        message: &Message,
        url: &str,
        headers: &[(String, String)],
        body: Vec<u8>,
    ) -> Sent {
        let mut map = HeaderMap::new();
        let named = |name: &str| HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
        let value =
            |text: &str| HeaderValue::from_bytes(text.as_bytes()).expect("a header's value");
        for (name, text) in headers {
            map.append(named(name), value(text));
        }
        for name in &message.without_headers {
            assert!(map.remove(named(name)).is_some(), "the message has a header `{name}`");
        }
        for (name, values) in &message.headers {
            map.remove(named(name));
            for text in values.all() {
                map.append(named(name), value(&scene.text(text)));
            }
        }
        let path = url.splitn(4, '/').nth(3).expect("an address with a path");
        Sent {
            method: message
                .method
                .as_deref()
                .map_or(Method::POST, |name| name.parse().expect("a method")),
            path: addressed(scene, &format!("/{path}"), &message.address),
            headers: map,
            body: edited(scene, message, Stage::Sent, body),
            chunked: message.chunked,
        }
    }

    pub async fn send(&self, town: &Town) -> Answer {
        if self.chunked {
            return self.send_in_chunks(town).await;
        }
        let request = town.request(self.method.clone(), &self.path);
        town.send(request.headers(self.headers.clone()).body(self.body.clone())).await
    }

    /// Without a length, in chunks of 1000 bytes.
    async fn send_in_chunks(&self, town: &Town) -> Answer {
        let host = town.url.strip_prefix("http://").expect("an address");
        let mut stream = TcpStream::connect(host).await.expect("the service listens");
        let mut bytes =
            format!("{} {} HTTP/1.1\r\nHost: {host}\r\n", self.method, self.path).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        bytes.extend(b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
        for chunk in self.body.chunks(1000) {
            bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
            bytes.extend([chunk, b"\r\n"].concat());
        }
        bytes.extend(b"0\r\n\r\n");
        stream.write_all(&bytes).await.expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an answer");
        let answer = String::from_utf8(answer).expect("text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        let status = head.split(' ').nth(1).expect("a status").parse().expect("a status");
        Answer { status, headers: HeaderMap::new(), body: body.to_owned() }
    }
}

fn addressed(scene: &Scene<'_>, path: &str, address: &Address) -> String {
    let channel = scene.channel.code();
    let account = format!("/{channel}/wuxi-{channel}/");
    assert!(path.contains(&account), "{path}");
    match address {
        Address::Ours => path.to_owned(),
        Address::OtherKind => match path.rsplit_once('/').expect("a path") {
            (front, "payments") => format!("{front}/refunds"),
            (front, _) => format!("{front}/payments"),
        },
        Address::Neighbour => path.replace(&account, &format!("/{channel}/neighbour-{channel}/")),
        Address::OtherChannel => {
            let other = if channel == "wechat" { "alipay" } else { "wechat" };
            path.replace(&account, &format!("/{other}/wuxi-{other}/"))
        }
        Address::Nobody => path.replace(&account, &format!("/{channel}/nobody/")),
        Address::Query => format!("{path}?status=paid"),
    }
}

/// The file's changes at one stage.
pub fn edited(scene: &Scene<'_>, message: &Message, stage: Stage, mut bytes: Vec<u8>) -> Vec<u8> {
    for edit in message.edit.iter().filter(|edit| edit.at == stage) {
        bytes = edit.apply(scene, bytes);
    }
    bytes
}

impl Edit {
    fn apply(&self, scene: &Scene<'_>, mut bytes: Vec<u8>) -> Vec<u8> {
        let unhex = |text: &str| hex::decode(text).expect("hexadecimal");
        if let Some(all) = &self.all {
            bytes = scene.text(all).into_bytes();
        }
        if let Some(from) = &self.from {
            let text = String::from_utf8(bytes).expect("text to be replaced in");
            bytes = crate::town::replaced(&text, &scene.text(from), scene.text(&self.to)).into();
        }
        bytes.truncate(bytes.len() - self.cut);
        bytes.splice(0..0, unhex(&self.prepend_hex));
        bytes.extend(scene.text(&self.append).into_bytes());
        bytes.extend(unhex(&self.append_hex));
        if self.fill_to > 0 {
            assert!(bytes.len() <= self.fill_to, "{} bytes already", bytes.len());
            bytes.resize(self.fill_to, b' ');
        }
        bytes
    }
}
