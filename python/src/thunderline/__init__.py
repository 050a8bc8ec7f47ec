"""What Python programs need to take part in Thunderline's federations: one module for each purpose."""
