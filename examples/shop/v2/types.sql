CREATE SCHEMA shop;
COMMENT ON SCHEMA shop IS 'Customers, products and orders of a small mail-order shop';

CREATE TYPE shop.order_status AS ENUM ('new', 'paid', 'shipped', 'cancelled');
CREATE TYPE shop.payment_method AS ENUM ('card', 'transfer', 'gift_card', 'cash_on_delivery');

CREATE DOMAIN shop.money_amount AS numeric(12, 2) CHECK (VALUE >= 0);
CREATE DOMAIN shop.country_code AS char(2) CHECK (VALUE ~ '^[A-Z]{2}$');

CREATE TYPE shop.parcel_size AS (width_mm integer, height_mm integer, depth_mm integer);
