//! Source text to tokens, as much of Rust as telling code from text needs.
//!
//! Comments, strings and characters are stepped over here, so that whoever reads
//! the tokens sees code only.

/// A word, `::`, or one mark; a literal is the mark `"`. Comments leave nothing.
pub struct Token {
    pub line: usize,
    pub text: String,
}

/// Walks over source text and knows just enough to step over what is not code.
struct Reader {
    chars: Vec<char>,
    at: usize,
    line: usize,
}

impl Reader {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            if self.peek(0) == Some('\n') {
                self.line += 1;
            }
            self.at += 1;
        }
    }

    fn line_comment(&mut self) {
        while self.peek(0).is_some_and(|c| c != '\n') {
            self.skip(1);
        }
    }

    /// Block comments nest, unlike those of C.
    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        while let Some(c) = self.peek(0) {
            match (c, self.peek(1)) {
                ('/', Some('*')) => depth += 1,
                ('*', Some('/')) => depth -= 1,
                _ => {
                    self.skip(1);
                    continue;
                }
            }
            self.skip(2);
            if depth == 0 {
                return;
            }
        }
    }

    /// A string, byte string or C string, from its opening quote.
    fn string(&mut self) {
        self.skip(1);
        while let Some(c) = self.peek(0) {
            self.skip(if c == '\\' { 2 } else { 1 });
            if c == '"' {
                return;
            }
        }
    }

    /// A raw string, from the first of its `hashes` or from its quote.
    fn raw_string(&mut self, hashes: usize) {
        self.skip(hashes + 1);
        while let Some(c) = self.peek(0) {
            self.skip(1);
            if c == '"' && (0..hashes).all(|ahead| self.peek(ahead) == Some('#')) {
                self.skip(hashes);
                return;
            }
        }
    }

    /// A character (`'"'`, `'\''`), or only the tick of a lifetime (`'a`).
    fn tick(&mut self) {
        if self.peek(1) == Some('\\') {
            self.skip(3);
            while self.peek(0).is_some_and(|c| c != '\'') {
                self.skip(1);
            }
            self.skip(1);
        } else if self.peek(2) == Some('\'') {
            self.skip(3);
        } else {
            self.skip(1);
        }
    }

    /// A word; the prefix of a raw string takes its string along, `r#` is dropped.
    fn word(&mut self) -> String {
        let mut word = String::new();
        while let Some(c) = self.peek(0).filter(|c| is_of_word(*c)) {
            word.push(c);
            self.skip(1);
        }
        if matches!(word.as_str(), "r" | "br" | "cr") {
            let rest = self.chars[self.at..].iter();
            let hashes = rest.take_while(|c| **c == '#').count();
            if self.peek(hashes) == Some('"') {
                self.raw_string(hashes);
                return "\"".to_owned();
            }
            if hashes == 1 && self.peek(1).is_some_and(is_of_word) {
                self.skip(1);
                return self.word();
            }
        }
        word
    }
}

pub fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

pub fn tokens_of(text: &str) -> Vec<Token> {
    let mut reader = Reader { chars: text.chars().collect(), at: 0, line: 1 };
    let mut tokens = Vec::new();
    while let Some(c) = reader.peek(0) {
        let line = reader.line;
        let text = match (c, reader.peek(1)) {
            ('/', Some('/')) => {
                reader.line_comment();
                continue;
            }
            ('/', Some('*')) => {
                reader.block_comment();
                continue;
            }
            ('\'', _) => {
                reader.tick();
                continue;
            }
            ('"', _) => {
                reader.string();
                c.to_string()
            }
            (':', Some(':')) => {
                reader.skip(2);
                "::".to_owned()
            }
            _ if is_of_word(c) => reader.word(),
            _ => {
                reader.skip(1);
                if c.is_whitespace() {
                    continue;
                }
                c.to_string()
            }
        };
        tokens.push(Token { line, text });
    }
    tokens
}

/// The text of a token, or nothing beyond either end.
pub fn text_at(tokens: &[Token], at: Option<usize>) -> &str {
    at.and_then(|at| tokens.get(at)).map_or("", |token| &token.text)
}
