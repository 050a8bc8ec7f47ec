//! A client's part of SCAFFOLD: what corrects its gradients, and what it keeps (Karimireddy et al. 2020, arXiv 1910.06378).

/// Control variates, element by element in the model's order.
#[derive(Clone, Debug, PartialEq)]
pub struct Variates {
    /// c: the server's.
    pub server: Vec<f32>,
    /// cᵢ: this client's.
    pub own: Vec<f32>,
}

impl Variates {
    /// What is added to every gradient: c − cᵢ.
    #[must_use]
    pub fn correction(&self) -> Vec<f32> {
        self.server.iter().zip(&self.own).map(|(server, own)| server - own).collect()
    }

    /// The client's next variates, cᵢ − c + (x − y) / (Kη): the paper's option II. `start` is x, `end` is y, and `way` is Kη, the
    /// number of steps times their size, above 0.
    #[must_use]
    pub fn next(&self, start: &[f32], end: &[f32], way: f64) -> Vec<f32> {
        let steps = start.iter().zip(end).map(|(x, y)| (f64::from(*x) - f64::from(*y)) / way);
        let old = self.own.iter().zip(&self.server).map(|(own, server)| f64::from(*own) - f64::from(*server));
        old.zip(steps).map(|(old, step)| (old + step) as f32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_variates_are_the_mean_gradient_that_was_followed() {
        // One client alone whose gradients are all 3: c = cᵢ from then on, and nothing is corrected any more.
        let first = Variates { server: vec![0.0; 2], own: vec![0.0; 2] };
        let next = first.next(&[1.0, 1.0], &[1.0 - 0.5 * 4.0 * 3.0, 1.0], 0.5 * 4.0);
        assert_eq!(next, [3.0, 0.0]);
        let second = Variates { server: vec![3.0, 1.0], own: next };
        assert_eq!(second.correction(), [0.0, 1.0]);
        assert_eq!(second.next(&[0.0, 0.0], &[-6.0, -2.0], 2.0), [3.0, 0.0]);
    }
}
