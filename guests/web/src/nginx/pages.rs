//! The pages nginx has built in, and the texts of statuses.

/// The text after the number in the status line.
pub fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Moved Temporarily",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Time-out",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Large",
        415 => "Unsupported Media Type",
        416 => "Requested Range Not Satisfiable",
        421 => "Misdirected Request",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Temporarily Unavailable",
        504 => "Gateway Time-out",
        505 => "HTTP Version Not Supported",
        507 => "Insufficient Storage",
        _ => "",
    }
}

/// The built-in page for a status, if there is one.
pub fn page(status: u16, server: &str, padded: bool) -> Option<String> {
    let (title, heading, note) = match status {
        super::request::HEADER_TOO_LARGE => (
            "400 Request Header Or Cookie Too Large".to_owned(),
            "400 Bad Request".to_owned(),
            "<center>Request Header Or Cookie Too Large</center>\r\n",
        ),
        302 => ("302 Found".to_owned(), "302 Found".to_owned(), ""),
        401 => (
            "401 Authorization Required".to_owned(),
            "401 Authorization Required".to_owned(),
            "",
        ),
        300..=599 if status != 304 && !reason(status).is_empty() => {
            let title = format!("{status} {}", reason(status));
            (title.clone(), title, "")
        }
        _ => return None,
    };
    let mut page = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{heading}</h1></center>\r\n\
         {note}<hr><center>{server}</center>\r\n</body>\r\n</html>\r\n"
    );
    if padded && status >= 400 {
        page.push_str(
            &"<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n".repeat(6),
        );
    }
    Some(page)
}
