"""What a language's grammar says about a text with holes in it: kinds of holes, slices, verdicts."""
