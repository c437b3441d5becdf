"""Where records are judged: statistics, verdicts, the answer in words, the report and its figures. No torch."""
