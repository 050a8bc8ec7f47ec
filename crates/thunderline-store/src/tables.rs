//! Which tables a statement touches: what a test needs to hold each domain to its own.
//!
//! A small reader of the SQL that this project writes, not of all SQL. Where it errs, it names a table too many, which
//! fails the test that asks.

use std::collections::BTreeSet;

#[derive(Debug, PartialEq)]
enum Token {
    Word(String),
    Sign(char),
}

/// What the reader expects at one depth of parentheses.
#[derive(Clone, Copy, Default)]
struct Level {
    in_from: bool,
    want_table: bool,
}

/// The tables that one or more statements read or write, in alphabetical order, without names from its own `with`.
#[must_use]
pub fn tables_of(sql: &str) -> Vec<String> {
    let tokens = tokens(sql);
    let mut tables = BTreeSet::new();
    let mut common = BTreeSet::new();
    let mut levels = vec![Level::default()];
    let word = |index: usize| match tokens.get(index) {
        Some(Token::Word(word)) => word.as_str(),
        _ => "",
    };
    let (mut index, mut start) = (0, 0);
    while let Some(token) = tokens.get(index) {
        let previous = index.checked_sub(1).map_or("", word);
        let depth = levels.len();
        let level = levels.last_mut().expect("the outermost level stays");
        match token {
            Token::Sign('(') => {
                // `from (a join b)`: what is wanted is inside, unless a query begins there.
                let inside = level.want_table && !matches!(word(index + 1), "select" | "with" | "values");
                level.want_table = false;
                levels.push(Level { in_from: inside, want_table: inside });
            }
            Token::Sign(')') if depth > 1 => {
                levels.pop();
            }
            Token::Sign(',') => level.want_table = level.in_from,
            Token::Sign(';') => {
                levels = vec![Level::default()];
                start = index + 1;
            }
            Token::Sign(_) => {}
            Token::Word(text) => match text.as_str() {
                "from" if previous != "distinct" => *level = Level { in_from: true, want_table: true },
                "join" | "into" | "table" | "references" => level.want_table = true,
                // `delete … using b`, not `join … using (columns)`.
                "using" if tokens.get(index + 1) != Some(&Token::Sign('(')) => level.want_table = true,
                // `create index i on t`, not `join … on`, `on conflict` or `on delete`.
                "on" if word(start) == "create"
                    && matches!(word(index.saturating_sub(2)), "index" | "exists" | "trigger") =>
                {
                    level.want_table = true;
                }
                // `for update` and `do update set` name no table.
                "update" => level.want_table = !matches!(previous, "for" | "do" | "key"),
                "only" | "lateral" | "if" | "not" | "exists" if level.want_table => {}
                "where" | "set" | "group" | "order" | "limit" | "having" | "returning" | "union"
                | "except" | "intersect" | "select" | "values" | "for" | "window" => {
                    *level = Level::default();
                }
                "as" => {
                    if let Some(name) = common_name(&tokens, index) {
                        common.insert(name);
                    }
                }
                name if level.want_table => {
                    level.want_table = false;
                    let call = level.in_from && tokens.get(index + 1) == Some(&Token::Sign('('));
                    if !call {
                        let table = name.rsplit('.').next().unwrap_or(name);
                        tables.insert(table.to_owned());
                    }
                }
                _ => {}
            },
        }
        index += 1;
    }
    tables.retain(|table| !common.contains(table));
    tables.into_iter().collect()
}

/// `NAME as (`, `NAME as materialized (`, `NAME (columns) as (`: the name, where this `as` defines one.
fn common_name(tokens: &[Token], index: usize) -> Option<String> {
    let mut next = index + 1;
    while matches!(tokens.get(next), Some(Token::Word(word)) if word == "not" || word == "materialized") {
        next += 1;
    }
    if tokens.get(next) != Some(&Token::Sign('(')) {
        return None;
    }
    let mut before = index.checked_sub(1)?;
    if tokens[before] == Token::Sign(')') {
        before = tokens[..before].iter().rposition(|token| *token == Token::Sign('('))?.checked_sub(1)?;
    }
    match &tokens[before] {
        Token::Word(name) => Some(name.clone()),
        Token::Sign(_) => None,
    }
}

fn tokens(sql: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("--") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if first == '\'' {
            tokens.push(Token::Sign('\''));
            rest[1..].find('\'').map_or(rest.len(), |end| end + 2)
        } else if first == '"' {
            let end = rest[1..].find('"').map_or(rest.len(), |end| end + 1);
            match tokens.last_mut() {
                Some(Token::Word(schema)) if schema.ends_with('.') => schema.push_str(&rest[1..end]),
                _ => tokens.push(Token::Word(rest[1..end].to_owned())),
            }
            (end + 1).min(rest.len())
        } else if first.is_alphanumeric() || first == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '.').unwrap_or(rest.len());
            tokens.push(Token::Word(rest[..end].to_ascii_lowercase()));
            end
        } else {
            if !first.is_whitespace() {
                tokens.push(Token::Sign(first));
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_name_a_table_is_seen() {
        for (sql, tables) in [
            ("select a, b from fl_rounds where x in (select id from link_nodes)", "fl_rounds link_nodes"),
            ("select * from a, b c, (select 1 from d) e, f where g = 'from h'", "a b d f"),
            ("select * from (a join b on a.x = b.x), c", "a b c"),
            (
                "insert into a (x) select y from b left join c on b.i = c.i on conflict (x) do update set x = 1",
                "a b c",
            ),
            ("update a set x = (select max(y) from b) where z is distinct from $1 returning from_q", "a b"),
            ("update a set x = b.y from b where a.i = b.i", "a b"),
            ("delete from a using b where a.i = b.i", "a b"),
            (
                "with due as materialized (select id from a for update skip locked) update b set x = 1 where id in (select id from due)",
                "a b",
            ),
            ("with recursive t (n) as (select 1 union all select n + 1 from t) select n from t, a", "a"),
            ("create table if not exists public.\"a\" (x bigint references b)", "a b"),
            ("select x -- from b\n from a /* from c */ , generate_series(1, 2)", "a"),
            ("create unique index if not exists a_b on a (b) where c = 1", "a"),
            ("alter table a add column b {uuid} references c (id) on delete cascade", "a c"),
            ("create table a (x bigint); -- from b; from c\n create index i on d (x)", "a d"),
            ("SELECT count(*) FROM A", "a"),
        ] {
            assert_eq!(tables_of(sql).join(" "), tables, "{sql}");
        }
    }
}
