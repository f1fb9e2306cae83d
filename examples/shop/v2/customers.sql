CREATE TABLE shop.customers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL, -- underpin: renamed-from full_name
    email text NOT NULL,
    phone varchar(20),
    created_at timestamptz NOT NULL DEFAULT now(),
    newsletter boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX customers_email_key ON shop.customers (lower(email));

CREATE TABLE shop.addresses (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES shop.customers ON DELETE CASCADE,
    street text NOT NULL,
    city text NOT NULL,
    postcode text NOT NULL,
    country shop.country_code NOT NULL DEFAULT 'NL',
    is_default boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX one_default_address ON shop.addresses (customer_id) WHERE is_default;

CREATE TABLE shop.staff (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    login text NOT NULL UNIQUE,
    display_name text NOT NULL,
    manager_id integer REFERENCES shop.staff
);
