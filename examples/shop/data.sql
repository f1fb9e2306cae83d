-- Rows for version 1, made up.
INSERT INTO shop.customers (full_name, email, phone)
SELECT 'Customer ' || n, 'c' || n || '@example.org', '+31 20 000' || n FROM generate_series(1, 500) AS n;
INSERT INTO shop.addresses (customer_id, street, city, postcode, is_default)
SELECT id, 'Canal ' || id, 'Utrecht', '35' || id, true FROM shop.customers;
INSERT INTO shop.staff (login, display_name) VALUES ('ada', 'Ada'), ('grace', 'Grace');
INSERT INTO shop.suppliers (name, country) VALUES ('Northern Paper', 'SE'), ('Southern Ink', 'IT');
INSERT INTO shop.categories (slug, title) VALUES ('paper', 'Paper'), ('ink', 'Ink'), ('pens', 'Pens');
INSERT INTO shop.products (sku, title, supplier_id, price, size, legacy_code)
SELECT 'SKU-' || n, 'Product ' || n, 1 + n % 2, n % 90 + 0.95, ROW(100, 200, n)::shop.parcel_size, 'OLD/' || n FROM generate_series(1, 200) AS n;
INSERT INTO shop.product_categories SELECT id, 1 + id % 3 FROM shop.products;
INSERT INTO shop.reviews (product_id, customer_id, stars) SELECT 1 + n % 200, 1 + n % 500, 1 + n % 5 FROM generate_series(1, 1000) AS n;
INSERT INTO shop.warehouses (code, city) VALUES ('UTR', 'Utrecht'), ('GOT', 'Gothenburg');
INSERT INTO shop.stock_levels SELECT w.id, p.id, 10 FROM shop.warehouses w, shop.products p;
INSERT INTO shop.stock_moves (warehouse_id, product_id, change, note) SELECT 1, id, -7, 'sold' FROM shop.products WHERE id % 10 = 0;
INSERT INTO shop.coupons (code, percent) VALUES ('WELCOME', 10), ('SUMMER', 25);
INSERT INTO shop.orders (customer_id, ship_to, status, coupon_code)
SELECT 1 + n % 500, 1 + n % 500, (ARRAY['new', 'paid', 'shipped', 'cancelled'])[1 + n % 4]::shop.order_status,
       CASE WHEN n % 7 = 0 THEN 'WELCOME' END
FROM generate_series(1, 2000) AS n;
INSERT INTO shop.order_lines SELECT o.id, 1, 1 + o.id % 200, 2, 9.95 FROM shop.orders o;
INSERT INTO shop.payments (order_id, method, amount) SELECT id, 'card', 19.90 FROM shop.orders WHERE status <> 'new';
INSERT INTO shop.shipments (order_id, warehouse_id, tracking_code) SELECT id, 1, 'T' || id FROM shop.orders WHERE status = 'shipped';
ANALYZE;
