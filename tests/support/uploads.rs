//! Files as people send them, and as those send them who mean harm.

use std::io::Cursor;

use axum::{
    body::Body,
    http::{Method, header},
};
use image::{DynamicImage, ImageFormat, RgbImage};
use serde_json::Value;

use super::{
    bank::{Answer, TestBank},
    people::{Person, text},
};

/// What separates the parts of the bodies of the tests.
pub const BOUNDARY: &str = "----promises";

/// The content type of their bodies.
pub fn form_type() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}

/// The body of a form with one file.
pub fn form(field: &str, file_name: &str, content_type: &str, content: &[u8]) -> Vec<u8> {
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"; \
         filename=\"{file_name}\"\r\nContent-Type: {content_type}\r\n\r\n"
    );
    [head.as_bytes(), content, format!("\r\n--{BOUNDARY}--\r\n").as_bytes()].concat()
}

/// An image whose pixels no codec makes much smaller.
pub fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let mut state = 7_u32;
    let image = DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [r, g, b, _] = state.to_be_bytes();
        image::Rgb([r, g, b])
    }));
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("an image is written into memory");
    bytes.into_inner()
}

/// A valid PNG image of `edge` times `edge` black pixels, one bit each: a few hundred
/// bytes of it stand for a million pixels.
pub fn bomb(edge: u32) -> Vec<u8> {
    let row = 1 + u64::from(edge).div_ceil(8);
    let mut header = [edge.to_be_bytes(), edge.to_be_bytes()].concat();
    header.extend([1, 0, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    file.extend(chunk(*b"IHDR", &header));
    file.extend(chunk(*b"IDAT", &zeros_deflated(row * u64::from(edge))));
    file.extend(chunk(*b"IEND", &[]));
    file
}

fn chunk(kind: [u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("a chunk is short").to_be_bytes();
    let checked = [&kind[..], content].concat();
    [&length[..], &checked, &crc32(&checked).to_be_bytes()].concat()
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    };
    !bytes.iter().fold(u32::MAX, step)
}

/// A zlib stream of `count` zero bytes: one literal, then copies of 258 bytes from one
/// byte before, in 13 bits each.
fn zeros_deflated(count: u64) -> Vec<u8> {
    let mut bits = Bits::default();
    // The last block, with the fixed codes.
    bits.number(0b011, 3);
    let (copies, literals) = ((count - 1) / 258, 1 + (count - 1) % 258);
    for _ in 0..literals {
        bits.code(0x30, 8);
    }
    for _ in 0..copies {
        // Length 258 is symbol 285; distance 1 is symbol 0.
        bits.code(0b1100_0101, 8);
        bits.code(0, 5);
    }
    bits.code(0, 7);
    // Adler-32 of zeros: the sum stays 1, and the sum of sums is their count.
    let adler = u32::try_from(count % 65_521).expect("below 65,521") << 16 | 1;
    [&[0x78, 0x01][..], &bits.bytes, &adler.to_be_bytes()].concat()
}

#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: usize,
}

impl Bits {
    fn bit(&mut self, bit: u32) {
        if self.used.is_multiple_of(8) {
            self.bytes.push(0);
        }
        let last = self.bytes.last_mut().expect("there is a byte");
        *last |= u8::try_from(bit & 1).expect("a bit") << (self.used % 8);
        self.used += 1;
    }

    /// Lowest bit first, as deflate writes numbers.
    fn number(&mut self, value: u32, width: u32) {
        (0..width).for_each(|place| self.bit(value >> place));
    }

    /// Highest bit first, as deflate writes codes.
    fn code(&mut self, value: u32, width: u32) {
        (0..width).rev().for_each(|place| self.bit(value >> place));
    }
}

/// A file that was taken.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Its id.
    pub id: String,
    /// The path of its URL, with the key.
    pub path: String,
}

impl Sent {
    /// Reads the answer to an upload.
    pub fn read(answer: &Value) -> Self {
        let url = text(&answer["url"]);
        let (_, path) = url.split_once("/files/").expect("a file's URL");
        Self { id: text(&answer["id"]), path: format!("/files/{path}") }
    }

    /// The key of its URL.
    pub fn key(&self) -> &str {
        self.path.split_once("?key=").map_or("", |(_, key)| key)
    }

    /// The path without the key.
    pub fn bare(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }
}

impl TestBank {
    /// Posts a body to `/files`.
    pub async fn post_file(&self, token: Option<&str>, body: Vec<u8>) -> Answer {
        let mut request = Self::request(Method::POST, "/files");
        request = request.header(header::CONTENT_TYPE, form_type());
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        self.send(request.body(Body::from(body)).expect("a request")).await
    }

    /// Sends a file that must be taken.
    pub async fn upload(&self, person: &Person, name: &str, content: &[u8]) -> Sent {
        let body = form("file", name, "application/octet-stream", content);
        let answer = self.post_file(Some(&person.token), body).await;
        assert_eq!(answer.status, 201, "{}: {}", self.database, answer.text());
        Sent::read(&answer.json())
    }

    /// Asks for a file.
    pub async fn get_file(&self, token: Option<&str>, path: &str) -> Answer {
        let mut request = Self::request(Method::GET, path);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        self.send(request.body(Body::empty()).expect("a request")).await
    }
}
