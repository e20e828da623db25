//! How ThingSpace says no: the gateway before it in a `fault`, the platform with an `errorCode` (`thingspace.md` 1).

use super::codes::Code;
use crate::call::Answer;
use axum::http::{StatusCode, header};
use serde_json::json;

/// Why a call was not done.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    /// By the platform: 400, whatever it is.
    Platform(Code),
    /// By the gateway.
    Gateway { status: StatusCode, code: &'static str, message: String, description: &'static str },
    /// 403, which the gateway writes as XML.
    Forbidden,
    /// By the token's issuer. Its form is inferred.
    OAuth { status: StatusCode, error: &'static str, description: &'static str },
    /// 429. No page tells of it: status, body and header are inferred, as is which of them there are.
    Throttled { seconds: Option<i64> },
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self::Platform(code)
    }
}

impl Refusal {
    pub(crate) fn missing_credentials() -> Self {
        let description = "Required OAuth credentials not provided. Make sure your API invocation call has a header: \
                           \"Authorization: Bearer ACCESS_TOKEN\"";
        let message = "Missing Credentials".to_owned();
        Self::Gateway { status: StatusCode::UNAUTHORIZED, code: "900902", message, description }
    }

    pub(crate) fn invalid_credentials() -> Self {
        let description = "Access failure for API. Make sure you have given the correct access token";
        let message = "Invalid Credentials".to_owned();
        Self::Gateway { status: StatusCode::UNAUTHORIZED, code: "900901", message, description }
    }

    /// A path or method that the API does not have.
    pub(crate) fn no_such_resource() -> Self {
        let message = "No matching resource found in the API for the given request".to_owned();
        let description = "Access failure for API. Check the API documentation and add a proper REST resource path";
        Self::Gateway { status: StatusCode::BAD_REQUEST, code: "900906", message, description }
    }

    /// A path that is no API at all (the body is inferred).
    pub(crate) fn no_such_api() -> Self {
        let message = "Not Found".to_owned();
        let description = "The requested resource is not available.";
        Self::Gateway { status: StatusCode::NOT_FOUND, code: "404", message, description }
    }

    /// Any other answer of the gateway (code and words are inferred).
    pub(crate) fn gateway(status: StatusCode) -> Self {
        let message = status.canonical_reason().unwrap_or("Error").to_owned();
        Self::Gateway { status, code: "101503", message, description: "Error connecting to the back end" }
    }

    pub(crate) fn into_answer(self) -> Answer {
        match self {
            Self::Platform(code) => platform(StatusCode::BAD_REQUEST, &code.code(), &code.message()),
            Self::Gateway { status, code, message, description } => fault(status, code, &message, description),
            Self::Forbidden => forbidden(),
            Self::OAuth { status, error, description } => {
                let answer = Answer::json(status, &json!({ "error": error, "error_description": description }));
                if status == StatusCode::UNAUTHORIZED {
                    return answer.with_header(header::WWW_AUTHENTICATE, "Basic realm=\"ThingSpace\"");
                }
                answer
            }
            Self::Throttled { seconds } => {
                let status = StatusCode::TOO_MANY_REQUESTS;
                let answer = fault(status, "900800", "Message throttled out", "You have exceeded your quota");
                match seconds {
                    Some(seconds) => answer.with_header(header::RETRY_AFTER, seconds.to_string()),
                    None => answer,
                }
            }
        }
    }
}

/// The platform's envelope.
pub(crate) fn platform(status: StatusCode, code: &str, message: &str) -> Answer {
    Answer::json(status, &json!({ "errorCode": code, "errorMessage": message }))
}

fn fault(status: StatusCode, code: &str, message: &str, description: &str) -> Answer {
    let body = json!({ "fault": { "code": code, "message": message, "description": description } });
    Answer::json(status, &body)
}

fn forbidden() -> Answer {
    let body = "<am:fault xmlns:am=\"http://wso2.org/apimanager\"><am:code>404</am:code><am:type>Status report</am:type>\
                <am:message>Not Found</am:message><am:description>The requested resource is not available.\
                </am:description></am:fault>";
    Answer::bytes(StatusCode::FORBIDDEN, "application/xml; charset=UTF-8", body)
}
