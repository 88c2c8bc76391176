-- homes and digests that somebody looked at of late: what is looked at again when something happens
CREATE INDEX surface_looked ON surface (looked_at) WHERE looked_at IS NOT NULL;
