"""What a customer is worth in credit: models, evidence, assessments, and why."""
