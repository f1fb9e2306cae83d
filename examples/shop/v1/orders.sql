CREATE TABLE shop.coupons (
    code text PRIMARY KEY,
    percent smallint NOT NULL CHECK (percent BETWEEN 1 AND 100),
    expires_on date
);

CREATE TABLE shop.orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES shop.customers,
    ship_to bigint REFERENCES shop.addresses,
    status shop.order_status NOT NULL DEFAULT 'new',
    coupon_code text REFERENCES shop.coupons,
    placed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX orders_by_customer ON shop.orders (customer_id);

CREATE TABLE shop.order_lines (
    order_id bigint NOT NULL REFERENCES shop.orders ON DELETE CASCADE,
    line_no smallint NOT NULL,
    product_id bigint NOT NULL REFERENCES shop.products,
    quantity integer NOT NULL,
    unit_price shop.money_amount NOT NULL,
    PRIMARY KEY (order_id, line_no)
);

CREATE TABLE shop.payments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES shop.orders,
    method shop.payment_method NOT NULL,
    amount shop.money_amount NOT NULL,
    received_at timestamptz
);

CREATE TABLE shop.shipments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES shop.orders,
    warehouse_id integer NOT NULL REFERENCES shop.warehouses,
    tracking_code varchar(40),
    sent_at timestamptz
);
