"""Whether intervals hold the truth over data sets whose population is known: real trainings, end to end."""
