CREATE TABLE shop.warehouses (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text NOT NULL UNIQUE,
    city text NOT NULL
);

CREATE TABLE shop.stock_levels (
    warehouse_id integer NOT NULL REFERENCES shop.warehouses,
    product_id bigint NOT NULL REFERENCES shop.products,
    quantity integer NOT NULL DEFAULT 0,
    PRIMARY KEY (warehouse_id, product_id)
);

CREATE TABLE shop.stock_moves (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    warehouse_id integer NOT NULL REFERENCES shop.warehouses,
    product_id bigint NOT NULL REFERENCES shop.products,
    change integer NOT NULL CHECK (change <> 0),
    note text,
    moved_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX stock_moves_by_product ON shop.stock_moves (product_id, moved_at DESC);
