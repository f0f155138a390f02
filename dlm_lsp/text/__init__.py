"""Plain text work: positions, windows, layout, trimming; standard library only."""
