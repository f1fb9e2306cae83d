-- underpin: renamed-from t
CREATE TABLE f (a);
