"""Commands for administrators: plugins, doctor, schemas."""
