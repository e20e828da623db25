//! Styles and scripts, in the program. A path has the hash of what is there, so a browser may keep it for ever.

use crate::problem::Problem;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

struct Asset {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

const ALL: [Asset; 5] = [
    Asset { name: "portal.css", kind: "text/css; charset=utf-8", bytes: include_bytes!("../../assets/portal.css") },
    Asset {
        name: "portal.js",
        kind: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../../assets/portal.js"),
    },
    Asset { name: "icon.svg", kind: "image/svg+xml", bytes: include_bytes!("../../assets/icon.svg") },
    Asset {
        name: "htmx.js",
        kind: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../../assets/vendored/htmx-2.0.11.min.js"),
    },
    Asset {
        name: "idiomorph.js",
        kind: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../../assets/vendored/idiomorph-ext-0.7.4.min.js"),
    },
];

/// The path of each.
#[derive(Debug)]
pub(crate) struct Assets {
    pub(crate) css: String,
    pub(crate) portal: String,
    pub(crate) icon: String,
    pub(crate) htmx: String,
    pub(crate) idiomorph: String,
}

/// Where they are.
pub(crate) static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    let path = |at: usize| format!("/assets/{}/{}", short_hash(ALL[at].bytes), ALL[at].name);
    Assets { css: path(0), portal: path(1), icon: path(2), htmx: path(3), idiomorph: path(4) }
});

fn short_hash(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes)[..8])
}

/// One of them. Under another hash there is none: what is kept for ever must be what it says.
pub(crate) async fn serve(Path((hash, name)): Path<(String, String)>, headers: HeaderMap) -> Result<Response, Problem> {
    let asset = ALL.iter().find(|asset| asset.name == name && short_hash(asset.bytes) == hash);
    let asset = asset.ok_or_else(Problem::not_found)?;
    let tag = format!("\"{hash}\"");
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let mut response = if known.is_some_and(|known| known.contains(&tag)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, asset.kind)], asset.bytes).into_response()
    };
    let told = response.headers_mut();
    told.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        told.insert(header::ETAG, tag);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_vendored_is_what_was_published() {
        let readme = include_str!("../../assets/vendored/README.md");
        for (name, sha256) in [
            ("htmx.js", "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717"),
            ("idiomorph.js", "a6437e55b1b6a07bc421f0d230266a39399b6826c6ed19e0ed9c63b707444a5f"),
        ] {
            let asset = ALL.iter().find(|asset| asset.name == name).unwrap();
            assert_eq!(hex::encode(Sha256::digest(asset.bytes)), sha256, "{name}");
            assert!(readme.contains(sha256), "{name} is in the README with its hash");
        }
    }

    #[test]
    fn scripts_stay_small() {
        let scripts: usize =
            ALL.iter().filter(|asset| asset.kind.contains("javascript")).map(|asset| asset.bytes.len()).sum();
        // Transferred they are a third of that; the promise is 60 KB (reference: product 4.7).
        assert!(scripts < 90_000, "{scripts}");
    }
}
