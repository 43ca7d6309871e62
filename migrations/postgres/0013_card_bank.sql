-- card-bank refuses a phone number and a social security number that wait for a code.
CREATE INDEX registrations_by_phone ON registrations (phone_number);
CREATE INDEX registrations_by_social_security ON registrations (social_security_index);
