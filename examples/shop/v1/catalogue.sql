CREATE TABLE shop.suppliers (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    country shop.country_code NOT NULL
);

CREATE TABLE shop.categories (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    parent_id integer REFERENCES shop.categories,
    slug text NOT NULL UNIQUE,
    title text NOT NULL
);

CREATE TABLE shop.products (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku text NOT NULL UNIQUE,
    title text NOT NULL,
    description text NOT NULL DEFAULT '',
    supplier_id integer NOT NULL REFERENCES shop.suppliers,
    price shop.money_amount NOT NULL,
    size shop.parcel_size,
    legacy_code text,
    is_active boolean NOT NULL DEFAULT true
);

CREATE TABLE shop.product_categories (
    product_id bigint NOT NULL REFERENCES shop.products ON DELETE CASCADE,
    category_id integer NOT NULL REFERENCES shop.categories ON DELETE CASCADE,
    PRIMARY KEY (product_id, category_id)
);

CREATE TABLE shop.price_history (
    product_id bigint NOT NULL REFERENCES shop.products ON DELETE CASCADE,
    valid_from timestamptz NOT NULL DEFAULT now(),
    price shop.money_amount NOT NULL,
    PRIMARY KEY (product_id, valid_from)
);

CREATE TABLE shop.reviews (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    product_id bigint NOT NULL REFERENCES shop.products ON DELETE CASCADE,
    customer_id bigint NOT NULL,
    stars smallint NOT NULL,
    body text
);
