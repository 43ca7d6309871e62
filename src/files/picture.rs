//! Images are made anew: what is left of one is its pixels, and nothing that was hidden
//! behind, before or between them.
//!
//! A few bytes can stand for more pixels than a machine has memory for, so an image's
//! size is read first and bounded. The work is done off the async threads, one image
//! after the other, so that all who send some together take the memory of one.

use std::{
    io::{BufReader, Cursor},
    sync::Arc,
};

use bytes::Bytes;
use image::{
    DynamicImage, ImageDecoder as _, ImageEncoder as _, ImageError, ImageFormat, ImageReader,
    Limits,
    codecs::{jpeg::JpegEncoder, png::PngEncoder, webp::WebPEncoder},
};
use tokio::sync::Semaphore;

use super::format::FileFormat;

/// How good a JPEG image is kept, of 100.
const JPEG_QUALITY: u8 = 90;
/// The longest edge that an image of any format may have.
const EDGE_MAX: u32 = 65_535;
/// The most bytes that one pixel takes: four channels of 16 bits.
const PIXEL_BYTES: u64 = 8;
/// Memory that a codec may use beside its pixels, in bytes.
const CODEC_BYTES: u64 = 64 * 1024 * 1024;

/// An image was not made anew.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// It has more pixels than are taken.
    #[error("the image has {width} times {height} pixels")]
    TooLarge {
        /// How many there are in a line.
        width: u32,
        /// How many lines there are.
        height: u32,
    },
    /// It is cut off, or is not what it begins as.
    #[error("the image cannot be read")]
    Unreadable,
    /// The pool is gone.
    #[error("the pool of images has stopped")]
    Stopped,
}

/// An image that was made anew.
#[derive(Debug, Clone)]
pub struct Picture {
    /// What it is now.
    pub format: FileFormat,
    /// What is in it.
    pub content: Bytes,
}

/// Where images are made anew.
#[derive(Debug, Clone)]
pub struct Studio {
    turn: Arc<Semaphore>,
    pixels_max: u64,
}

impl Studio {
    /// A studio that takes images of so many pixels at most.
    pub fn new(pixels_max: u64) -> Self {
        Self { turn: Arc::new(Semaphore::new(1)), pixels_max }
    }

    /// Makes an image anew; one that would then have more than `bytes_max` and nothing
    /// that shines through becomes a JPEG.
    pub async fn remake(
        &self,
        format: FileFormat,
        content: Bytes,
        bytes_max: u64,
    ) -> Result<Picture, PictureError> {
        let turn = Arc::clone(&self.turn).acquire_owned().await;
        let turn = turn.map_err(|_| PictureError::Stopped)?;
        let pixels_max = self.pixels_max;
        let work = tokio::task::spawn_blocking(move || {
            let made = remake(format, &content, pixels_max, bytes_max);
            // Held by the work, so that a sender who has left does not let in another.
            drop(turn);
            made
        });
        match work.await {
            Ok(made) => made,
            // A codec that gives up on what it is given must not take the server along.
            Err(error) if error.is_panic() => Err(PictureError::Unreadable),
            Err(_) => Err(PictureError::Stopped),
        }
    }
}

fn remake(
    format: FileFormat,
    content: &[u8],
    pixels_max: u64,
    bytes_max: u64,
) -> Result<Picture, PictureError> {
    let codec = match format {
        FileFormat::Jpeg => ImageFormat::Jpeg,
        FileFormat::Png => ImageFormat::Png,
        FileFormat::Webp => ImageFormat::WebP,
        FileFormat::Pdf | FileFormat::Csv | FileFormat::Text => {
            return Err(PictureError::Unreadable);
        }
    };
    let image = decode(codec, content, pixels_max)?;
    let made = encode(format, &image)?;
    if made.len() as u64 > bytes_max && !image.color().has_alpha() && format != FileFormat::Jpeg {
        let made = encode(FileFormat::Jpeg, &image)?;
        return Ok(Picture { format: FileFormat::Jpeg, content: made });
    }
    Ok(Picture { format, content: made })
}

fn unreadable(error: ImageError) -> PictureError {
    tracing::debug!(%error, "an image could not be read");
    PictureError::Unreadable
}

/// A JPEG image ends with its end marker. That is looked for by going from segment to
/// segment: the same two bytes also stand in the preview that a camera puts in front.
fn is_whole_jpeg(content: &[u8]) -> bool {
    // Behind the marker that it begins with.
    let mut rest = content.get(2..).unwrap_or_default();
    let mut in_scan = false;
    loop {
        match rest {
            [0xff, 0xd9, ..] => return true,
            // Padding.
            [0xff, 0xff, ..] => rest = &rest[1..],
            // Within a scan: a stuffed byte, or a restart.
            [0xff, 0x00 | 0xd0..=0xd7, ..] if in_scan => rest = &rest[2..],
            [0xff, marker, high, low, ..] => {
                in_scan = *marker == 0xda;
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                rest = rest.get(2 + length..).unwrap_or_default();
            }
            [_, ..] if in_scan => {
                let next = memchr::memchr(0xff, rest).unwrap_or(rest.len());
                rest = &rest[next..];
            }
            _ => return false,
        }
    }
}

/// The pixels, turned upright, eight bits a channel.
fn decode(
    codec: ImageFormat,
    content: &[u8],
    pixels_max: u64,
) -> Result<DynamicImage, PictureError> {
    // The codec fills up what is missing of one of these, and says nothing.
    if codec == ImageFormat::Jpeg && !is_whole_jpeg(content) {
        return Err(PictureError::Unreadable);
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(EDGE_MAX);
    limits.max_image_height = Some(EDGE_MAX);
    limits.max_alloc = Some(pixels_max.saturating_mul(PIXEL_BYTES).saturating_add(CODEC_BYTES));
    let mut reader = ImageReader::with_format(BufReader::new(Cursor::new(content)), codec);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(unreadable)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > pixels_max {
        return Err(PictureError::TooLarge { width, height });
    }
    let orientation = decoder.orientation().map_err(unreadable)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(unreadable)?;
    // What a camera wrote beside the pixels is lost, and so is which side is up.
    image.apply_orientation(orientation);
    let has_alpha = image.color().has_alpha();
    Ok(if has_alpha {
        DynamicImage::ImageRgba8(image.into_rgba8())
    } else {
        DynamicImage::ImageRgb8(image.into_rgb8())
    })
}

fn encode(format: FileFormat, image: &DynamicImage) -> Result<Bytes, PictureError> {
    let mut made = Vec::new();
    let (width, height, color) = (image.width(), image.height(), image.color().into());
    let pixels = image.as_bytes();
    let written = match format {
        FileFormat::Jpeg => JpegEncoder::new_with_quality(&mut made, JPEG_QUALITY)
            .write_image(pixels, width, height, color),
        FileFormat::Png => PngEncoder::new(&mut made).write_image(pixels, width, height, color),
        FileFormat::Webp => {
            WebPEncoder::new_lossless(&mut made).write_image(pixels, width, height, color)
        }
        FileFormat::Pdf | FileFormat::Csv | FileFormat::Text => {
            return Err(PictureError::Unreadable);
        }
    };
    written.map_err(unreadable)?;
    Ok(Bytes::from(made))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use image::{DynamicImage, ImageFormat, RgbImage, RgbaImage};

    use super::{PictureError, Studio};
    use crate::files::format::FileFormat;

    const FORMATS: [(FileFormat, ImageFormat); 3] = [
        (FileFormat::Jpeg, ImageFormat::Jpeg),
        (FileFormat::Png, ImageFormat::Png),
        (FileFormat::Webp, ImageFormat::WebP),
    ];

    fn written(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    /// Pixels that no codec makes smaller.
    fn noise(width: u32, height: u32) -> DynamicImage {
        let mut state = 1_u32;
        DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, |_, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let [r, g, b, _] = state.to_be_bytes();
            image::Rgb([r, g, b])
        }))
    }

    #[tokio::test]
    async fn what_stands_behind_the_pixels_is_gone() {
        for (format, codec) in FORMATS {
            let mut content = written(&noise(16, 9), codec);
            content.extend_from_slice(b"<script>alert(1)</script>PK\x03\x04");
            let studio = Studio::new(1_000);
            let made = studio.remake(format, content.into(), 1_000_000).await.unwrap();
            assert_eq!(made.format, format);
            assert!(!made.content.windows(7).any(|window| window == b"<script"));
            let read = image::load_from_memory_with_format(&made.content, codec).unwrap();
            assert_eq!((read.width(), read.height()), (16, 9));
        }
    }

    #[tokio::test]
    async fn an_image_that_is_cut_off_is_unreadable_wherever_it_is_cut() {
        for (format, codec) in FORMATS {
            let whole = written(&noise(32, 32), codec);
            for cut in [12, 20, whole.len() / 4, whole.len() / 2] {
                let studio = Studio::new(10_000);
                let content = Bytes::copy_from_slice(&whole[..cut]);
                let made = studio.remake(format, content, 1_000_000).await;
                assert_eq!(made.unwrap_err(), PictureError::Unreadable, "{format:?} at {cut}");
            }
        }
    }

    #[tokio::test]
    async fn the_pixels_are_counted_before_they_are_read() {
        for (format, codec) in FORMATS {
            let content = written(&noise(101, 100), codec);
            let error = Studio::new(10_000).remake(format, content.into(), 1_000_000).await;
            let error = error.unwrap_err();
            assert_eq!(error, PictureError::TooLarge { width: 101, height: 100 }, "{format:?}");
        }
    }

    #[tokio::test]
    async fn an_opaque_image_that_would_grow_too_large_becomes_a_jpeg() {
        let studio = Studio::new(1_000_000);
        let content: Bytes = written(&noise(200, 200), ImageFormat::WebP).into();
        let made = studio.remake(FileFormat::Webp, content.clone(), 100_000).await.unwrap();
        assert_eq!(made.format, FileFormat::Jpeg);
        let kept = studio.remake(FileFormat::Webp, content, 1_000_000).await.unwrap();
        assert_eq!(kept.format, FileFormat::Webp);
        let clear = DynamicImage::ImageRgba8(RgbaImage::from_pixel(8, 8, image::Rgba([1; 4])));
        let clear: Bytes = written(&clear, ImageFormat::Png).into();
        let made = studio.remake(FileFormat::Png, clear, 10).await.unwrap();
        assert_eq!(made.format, FileFormat::Png, "what shines through would be lost");
    }
}
