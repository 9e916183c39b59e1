"""What results add up to, for who decides in a city: distributions, cities alike, benchmarks, missing evidence."""
