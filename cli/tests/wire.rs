//! Requests to AWS as they go over the wire, by the API's names.

use std::io::BufRead;

/// One request.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    target: String,
    pub(crate) body: String,
}

/// What is asked of a bucket, by the name of the subresource.
const OF_BUCKETS: [(&str, &str); 9] = [
    ("encryption", "GetBucketEncryption"),
    ("notification", "GetBucketNotificationConfiguration"),
    ("object-lock", "GetObjectLockConfiguration"),
    ("policy", "GetBucketPolicy"),
    ("replication", "GetBucketReplication"),
    ("requestPayment", "GetBucketRequestPayment"),
    ("tagging", "GetBucketTagging"),
    ("versioning", "GetBucketVersioning"),
    ("versions", "ListObjectVersions"),
];

impl Request {
    /// The next one, with all its bytes; none where there is no more.
    pub(crate) fn read(reader: &mut impl BufRead) -> Option<(Self, Vec<u8>)> {
        let mut raw = Vec::new();
        reader
            .read_until(b'\n', &mut raw)
            .ok()
            .filter(|read| *read > 0)?;
        let line = String::from_utf8(raw.clone()).ok()?;
        let mut parts = line.split(' ');
        let (method, address) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        let (mut length, mut target) = (0, String::new());
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).ok()?;
            raw.extend(header.as_bytes());
            if header.trim().is_empty() {
                break;
            }
            let (name, value) = header.split_once(':')?;
            match name.to_lowercase().as_str() {
                "content-length" => length = value.trim().parse().ok()?,
                "x-amz-target" => value.trim().clone_into(&mut target),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        raw.extend(&body);
        let (path, query) = address.split_once('?').unwrap_or((&address, ""));
        let request = Self {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            target,
            body: String::from_utf8_lossy(&body).into_owned(),
        };
        Some((request, raw))
    }

    /// The API's name of the call; what is no read of S3's has a name that is no call's.
    pub(crate) fn call(&self) -> String {
        if let Some((_, name)) = self.target.split_once('.') {
            return name.to_owned();
        }
        if self.method == "POST" {
            let mut fields = self.body.split('&');
            let action = fields.find_map(|field| field.strip_prefix("Action="));
            return action.unwrap_or("nothing").to_owned();
        }
        let path = self.path.trim_start_matches('/');
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let found = match (self.method.as_str(), bucket, key) {
            ("HEAD", _, "") => Some("HeadBucket"),
            ("HEAD", ..) => Some("HeadObject"),
            ("GET", "", _) => Some("ListBuckets"),
            ("GET", _, "") => OF_BUCKETS
                .iter()
                .find(|(subresource, _)| self.asks(subresource))
                .map(|(_, call)| *call),
            ("GET", ..) if self.asks("tagging") => Some("GetObjectTagging"),
            ("GET", ..) if self.query.contains("x-id=GetObject") => Some("GetObject"),
            _ => None,
        };
        found.map_or_else(|| format!("{} {}", self.method, self.path), str::to_owned)
    }

    fn asks(&self, subresource: &str) -> bool {
        let mut parameters = self.query.split('&');
        parameters.any(|parameter| parameter.split('=').next() == Some(subresource))
    }
}
