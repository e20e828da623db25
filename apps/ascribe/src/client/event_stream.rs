//! Server-sent events as they come in, in pieces of any size (HTML, 9.2.6).

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    /// To go on from there, if it is cut off.
    pub(crate) id: Option<String>,
    /// Its lines.
    pub(crate) data: String,
}

/// More than any event of ours; who sends more sends no events.
const MOST_BYTES: usize = 1024 * 1024;

/// Reads events out of the pieces of a stream.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    rest: Vec<u8>,
    event: Event,
    has_data: bool,
}

impl Reader {
    /// The events that this piece ends; none: this is no stream of events.
    pub(crate) fn read(&mut self, piece: &[u8]) -> Option<Vec<Event>> {
        self.rest.extend_from_slice(piece);
        let mut events = Vec::new();
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            self.line(line.trim_end_matches(['\n', '\r']), &mut events);
        }
        (self.rest.len() + self.event.data.len() <= MOST_BYTES).then_some(events)
    }

    fn line(&mut self, line: &str, events: &mut Vec<Event>) {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            // Without data there is nothing to tell: a keep-alive is a comment and an empty line.
            if std::mem::take(&mut self.has_data) {
                events.push(event);
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.event.id = Some(value.to_owned()),
            "data" => {
                if self.has_data {
                    self.event.data.push('\n');
                }
                self.has_data = true;
                self.event.data.push_str(value);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_the_same_in_whatever_pieces_they_come() {
        let text = ": hello\n\nid: 1\nevent: progress\ndata: {\"a\":\ndata:  \"é\"}\n\n:\r\n\r\ndata: x\r\n\r\nid: 2\ndata: cut";
        let expected =
            [Event { id: Some("1".into()), data: "{\"a\":\n \"é\"}".into() }, Event { id: None, data: "x".into() }];
        for size in 1..text.len() {
            let mut reader = Reader::default();
            let pieces = text.as_bytes().chunks(size);
            let events: Vec<Event> = pieces.flat_map(|piece| reader.read(piece).unwrap()).collect();
            assert_eq!(events, expected, "pieces of {size}");
        }
        assert_eq!(Reader::default().read(&vec![b'x'; MOST_BYTES + 1]), None, "no memory without end");
    }
}
