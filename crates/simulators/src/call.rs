//! A call and its answer, the same for every provider.

use axum::body::{Body, Bytes};
use axum::extract::{Query, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The most bytes of a request that are read.
const MOST_REQUEST_BYTES: usize = 8 * 1024 * 1024;

/// What providers have before the paths that rules and refusals speak of.
const VERSIONS: [&str; 4] = ["/v1", "/V1", "/api/m2m/v1", "/api/ts/v1"];

/// What somebody asked a provider.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) provider: &'static str,
    pub(crate) method: Method,
    /// As it was sent, from the provider's mount on: `/v1/Services/12`, `/api/m2m/v1/groups`.
    pub(crate) path: String,
    /// In the order it was sent; names may repeat.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The provider's address as the caller reached it: `http://127.0.0.1:7070/rev-io`.
    pub(crate) base_url: String,
}

impl Call {
    /// Reads a request to the end.
    pub(crate) async fn read(provider: &'static str, request: Request) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let mount = format!("/{provider}");
        let path = parts.uri.path().strip_prefix(&mount).unwrap_or_default().to_owned();
        let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).map_err(IntoResponse::into_response)?.0;
        let base_url = format!("{}{mount}", own_url(&parts.headers));
        let body = axum::body::to_bytes(body, MOST_REQUEST_BYTES).await;
        let body = body.map_err(|_| StatusCode::PAYLOAD_TOO_LARGE.into_response())?;
        Ok(Self { provider, method: parts.method, path, query, headers: parts.headers, body, base_url })
    }

    /// The body as JSON, if it is that.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The path below the version, which is what rules and refusals speak of: `/Services/12`.
    pub(crate) fn path_below_version(&self) -> &str {
        VERSIONS.iter().find_map(|version| self.path.strip_prefix(version)).unwrap_or(&self.path)
    }
}

/// The address the caller used for us: a simulator in a container does not know its own.
pub(crate) fn own_url(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or("localhost");
    format!("http://{host}")
}

/// One object of a provider: which collection, which id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRef {
    /// The collection's name in the provider's paths: `Services`; `Requests` for what is done asynchronously.
    pub kind: String,
    /// The provider's id.
    pub id: i64,
}

/// What a provider has to say to a call, before a fault meddles with it.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, String)>,
    pub(crate) body: Bytes,
    /// The object that was made or changed.
    pub(crate) object: Option<ObjectRef>,
    /// Whether anything was changed.
    pub(crate) applied: bool,
    /// The provider's name of what was asked for, where it has one.
    pub(crate) operation: Option<&'static str>,
    /// For how many devices it was asked.
    pub(crate) devices: Option<usize>,
}

impl Answer {
    pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Self {
        // Only a map with keys that are no text cannot be written; there is none.
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self::bytes(status, "application/json; charset=utf-8", body)
    }

    pub(crate) fn bytes(status: StatusCode, content_type: &str, body: impl Into<Bytes>) -> Self {
        let headers = vec![(header::CONTENT_TYPE, content_type.to_owned())];
        let (object, applied, operation, devices) = (None, false, None, None);
        Self { status, headers, body: body.into(), object, applied, operation, devices }
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same answer, but telling what another one, which is not sent, has done.
    pub(crate) fn about(mut self, done: Option<Self>) -> Self {
        if let Some(done) = done {
            (self.object, self.applied) = (done.object, done.applied);
            (self.operation, self.devices) = (done.operation, done.devices);
        }
        self
    }

    /// The asynchronous request that was placed.
    pub(crate) fn request(&self) -> Option<u64> {
        let object = self.object.as_ref().filter(|object| object.kind == "Requests")?;
        u64::try_from(object.id).ok()
    }

    /// The answer's head around another body.
    pub(crate) fn around(&self, body: Body) -> Response {
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        for (name, value) in &self.headers {
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().append(name.clone(), value);
            }
        }
        response
    }

    pub(crate) fn into_response(self) -> Response {
        self.around(Body::from(self.body.clone()))
    }
}
