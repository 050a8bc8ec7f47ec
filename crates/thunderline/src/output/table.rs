//! Aligned columns.

/// Draws rows under their headings; columns are as wide as they must be, and numbers stand right.
#[must_use]
pub fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([headings[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..headings.len()).map(width).collect();
    let right: Vec<_> = (0..headings.len())
        .map(|column| {
            rows.iter().filter_map(|row| row.get(column)).all(|cell| is_number(cell)) && !rows.is_empty()
        })
        .collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut text = String::new();
        for (column, cell) in cells.enumerate() {
            let gap = " ".repeat(widths[column].saturating_sub(cell.chars().count()));
            let (before, after) = if right[column] { (gap.as_str(), "") } else { ("", gap.as_str()) };
            text.push_str(before);
            text.push_str(cell);
            text.push_str(after);
            text.push_str("  ");
        }
        text.trim_end().to_owned()
    };
    let mut lines = vec![line(&mut headings.iter().copied())];
    lines.extend(rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
    lines.join("\n")
}

/// Draws names and values, one pair per line; pairs without a value are left out.
#[must_use]
pub fn pairs(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let shown = pairs.iter().filter(|(_, value)| !value.is_empty());
    shown.map(|(name, value)| format!("{name:<width$}  {value}")).collect::<Vec<_>>().join("\n")
}

fn is_number(cell: &str) -> bool {
    cell == "–"
        || (!cell.is_empty() && cell.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'%')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_left_and_numbers_right() {
        let rows = [vec!["a".to_owned(), "1".to_owned()], vec!["länger".to_owned(), "100".to_owned()]];
        let drawn = table(&["NAME", "N"], &rows);
        assert_eq!(drawn, "NAME      N\na         1\nlänger  100");
    }

    #[test]
    fn pairs_without_a_value_are_left_out() {
        assert_eq!(pairs(&[("state", "ok".into()), ("reason", String::new())]), "state   ok");
    }
}
